package schema

import (
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

func numberParam(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.Number}
}

// cidrBlock returns a block of addresses: the first as a number, and
// how many bits an address has.
func cidrBlock(v cty.Value) (p netip.Prefix, first *big.Int, size int, err error) {
	if p, err = netip.ParsePrefix(v.AsString()); err != nil {
		return p, nil, 0, function.NewArgErrorf(0, "this is no block of addresses such as 10.0.0.0/16 or fd00::/48")
	}
	p = p.Masked()
	return p, new(big.Int).SetBytes(p.Addr().AsSlice()), p.Addr().BitLen(), nil
}

// wholeArg returns an argument that has to be a whole number.
func wholeArg(args []cty.Value, i int) (*big.Int, error) {
	n, acc := args[i].AsBigFloat().Int(nil)
	if n == nil || acc != big.Exact || n.BitLen() > 128 {
		return nil, function.NewArgErrorf(i, "must be a whole number within the addresses that there are")
	}
	return n, nil
}

func address(n *big.Int, size int) netip.Addr {
	a, _ := netip.AddrFromSlice(n.FillBytes(make([]byte, size/8)))
	return a
}

// power is 2 to a number of bits.
func power(bits int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(bits)) }

// longer returns the length of a prefix with further bits, from argument i.
func longer(args []cty.Value, i int, p netip.Prefix, size int) (int, error) {
	n, err := wholeArg(args, i)
	if err != nil {
		return 0, err
	}
	if n.Sign() < 0 || n.Cmp(big.NewInt(int64(size-p.Bits()))) > 0 {
		return 0, function.NewArgErrorf(i, "%s has %d bits to divide", p, size-p.Bits())
	}
	return p.Bits() + int(n.Int64()), nil
}

var cidrHostFunc = function.New(&function.Spec{
	Params: []function.Parameter{stringParam("prefix"), numberParam("hostnum")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		p, first, size, err := cidrBlock(args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		n, err := wholeArg(args, 1)
		if err != nil {
			return cty.DynamicVal, err
		}
		all := power(size - p.Bits())
		if n.Sign() < 0 {
			n.Add(n, all)
		}
		if n.Sign() < 0 || n.Cmp(all) >= 0 {
			return cty.DynamicVal, function.NewArgErrorf(1, "%s has only %s addresses", p, all)
		}
		return cty.StringVal(address(n.Add(n, first), size).String()), nil
	},
})

var cidrNetmaskFunc = function.New(&function.Spec{
	Params: []function.Parameter{stringParam("prefix")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		p, _, size, err := cidrBlock(args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		if size != 32 {
			return cty.DynamicVal, function.NewArgErrorf(0, "IPv6 has no netmasks")
		}
		mask := new(big.Int).Sub(power(32), power(32-p.Bits()))
		return cty.StringVal(address(mask, 32).String()), nil
	},
})

var cidrSubnetFunc = function.New(&function.Spec{
	Params: []function.Parameter{stringParam("prefix"), numberParam("newbits"), numberParam("netnum")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		p, first, size, err := cidrBlock(args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		bits, err := longer(args, 1, p, size)
		if err != nil {
			return cty.DynamicVal, err
		}
		n, err := wholeArg(args, 2)
		if err != nil {
			return cty.DynamicVal, err
		}
		if n.Sign() < 0 || n.Cmp(power(bits-p.Bits())) >= 0 {
			return cty.DynamicVal, function.NewArgErrorf(2, "%s has only %s subnets of /%d", p, power(bits-p.Bits()), bits)
		}
		n.Lsh(n, uint(size-bits))
		return cty.StringVal(netip.PrefixFrom(address(n.Add(n, first), size), bits).String()), nil
	},
})

var cidrSubnetsFunc = function.New(&function.Spec{
	Params:   []function.Parameter{stringParam("prefix")},
	VarParam: &function.Parameter{Name: "newbits", Type: cty.Number},
	Type:     function.StaticReturnType(cty.List(cty.String)),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		p, next, size, err := cidrBlock(args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		end := new(big.Int).Add(next, power(size-p.Bits()))
		var subnets []cty.Value
		for i := 1; i < len(args); i++ {
			bits, err := longer(args, i, p, size)
			if err != nil {
				return cty.DynamicVal, err
			}
			if bits == p.Bits() {
				return cty.DynamicVal, function.NewArgErrorf(i, "must be at least 1")
			}
			// A subnet begins at a multiple of its own size.
			length := power(size - bits)
			if rest := new(big.Int).Mod(next, length); rest.Sign() > 0 {
				next.Add(next, length).Sub(next, rest)
			}
			subnet := netip.Prefix{}
			if next.Cmp(end) < 0 {
				subnet = netip.PrefixFrom(address(next, size), bits)
			}
			if next.Add(next, length); next.Cmp(end) > 0 {
				return cty.DynamicVal, function.NewArgErrorf(i, "%s has no room left for a subnet of /%d", p, bits)
			}
			subnets = append(subnets, cty.StringVal(subnet.String()))
		}
		if subnets == nil {
			return cty.ListValEmpty(cty.String), nil
		}
		return cty.ListVal(subnets), nil
	},
})
