package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions returns every function of the language by name.
func (l *loader) functions() map[string]function.Function {
	fns := map[string]function.Function{
		// numbers
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc,
		"signum": stdlib.SignumFunc, "sum": sumFunc,
		// strings
		"chomp": stdlib.ChompFunc, "endswith": endsWithFunc, "format": limited(stdlib.FormatFunc, formatCost),
		"formatlist": limited(stdlib.FormatListFunc, formatCost), "indent": limited(stdlib.IndentFunc, indentCost),
		"join": limited(stdlib.JoinFunc, joinCost), "lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc,
		"regexall": stdlib.RegexAllFunc, "replace": replaceFunc, "split": stdlib.SplitFunc,
		"startswith": startsWithFunc, "strcontains": strContainsFunc, "strrev": stdlib.ReverseFunc,
		"substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"upper": stdlib.UpperFunc,
		// collections
		"alltrue": allTrueFunc, "anytrue": anyTrueFunc, "chunklist": stdlib.ChunklistFunc, "coalesce": coalesceFunc,
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": limited(stdlib.ConcatFunc, concatCost),
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "index": indexFunc, "keys": stdlib.KeysFunc, "length": lengthFunc,
		"lookup": lookupFunc, "matchkeys": matchKeysFunc, "merge": stdlib.MergeFunc, "one": oneFunc, "range": stdlib.RangeFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": limited(stdlib.SetProductFunc, productCost), "setsubtract": stdlib.SetSubtractFunc,
		"setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc,
		"transpose": transposeFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,
		// encodings
		"base64decode": base64DecodeFunc, "base64encode": base64EncodeFunc, "base64gzip": base64GzipFunc, "base64sha256": hashFunc("base64sha256"),
		"base64sha512": hashFunc("base64sha512"), "csvdecode": stdlib.CSVDecodeFunc, "jsondecode": l.sane(limited(stdlib.JSONDecodeFunc, jsonCost)),
		"jsonencode": stdlib.JSONEncodeFunc, "urlencode": urlEncodeFunc,
		"yamldecode": l.yamlDecodeFunc(), "yamlencode": ctyyaml.YAMLEncodeFunc,
		// hashes
		"md5": hashFunc("md5"), "sha1": hashFunc("sha1"), "sha256": hashFunc("sha256"), "sha512": hashFunc("sha512"), "uuidv5": uuidV5Func,
		// time, of values only
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc, "timecmp": timeCmpFunc,
		// networks
		"cidrhost": cidrHostFunc, "cidrnetmask": cidrNetmaskFunc, "cidrsubnet": cidrSubnetFunc, "cidrsubnets": cidrSubnetsFunc,
		// files
		"basename": basenameFunc, "dirname": dirnameFunc, "file": l.fileFunc(false), "filebase64": l.fileFunc(true),
		"fileexists": l.fileExistsFunc(), "fileset": l.filesetFunc(),
		"filemd5": l.fileHashFunc("md5"), "filesha1": l.fileHashFunc("sha1"), "filesha256": l.fileHashFunc("sha256"), "filesha512": l.fileHashFunc("sha512"),
		"filebase64sha256": l.fileHashFunc("base64sha256"), "filebase64sha512": l.fileHashFunc("base64sha512"),
		// types
		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc, "tobool": toFunc(cty.Bool), "tolist": toFunc(cty.List(cty.DynamicPseudoType)),
		"tomap": toFunc(cty.Map(cty.DynamicPseudoType)), "tonumber": toFunc(cty.Number), "toset": toFunc(cty.Set(cty.DynamicPseudoType)),
		"tostring":  toFunc(cty.String),
		"sensitive": l.sensitiveFunc(), "nonsensitive": nonsensitiveFunc, "issensitive": isSensitiveFunc,
		// versions
		"semver_compare": semverCompareFunc, "semver_max": semverMaxFunc, "semver_parse": semverParseFunc,
		"semver_satisfies": semverSatisfiesFunc,
	}
	// A template may call everything but another template, so that templates
	// cannot read each other in a circle.
	inner := make(map[string]function.Function, len(fns)+1)
	for name, f := range fns {
		inner[name] = f
	}
	inner["templatefile"] = function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "arguments", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
		Type: func([]cty.Value) (cty.Type, error) {
			return cty.String, errors.New("a template cannot call templatefile")
		},
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) { return cty.DynamicVal, nil },
	})
	fns["templatefile"] = l.templateFileFunc(inner)
	return fns
}

// limited wraps a function whose result can be out of all proportion to its
// arguments: cost returns an error when it would be.
func limited(f function.Function, cost func(args []cty.Value) error) function.Function {
	check := func(args []cty.Value) error {
		plain := make([]cty.Value, len(args))
		for i, a := range args {
			plain[i], _ = a.UnmarkDeep()
			if !plain[i].IsWhollyKnown() || plain[i].IsNull() {
				return nil
			}
		}
		return cost(plain)
	}
	return rewrap(f, func(args []cty.Value) (cty.Value, error) {
		if err := check(args); err != nil {
			return cty.DynamicVal, err
		}
		return f.Call(args)
	}, check)
}

// sane refuses results that are too large to walk.
func (l *loader) sane(f function.Function) function.Function {
	return rewrap(f, func(args []cty.Value) (cty.Value, error) {
		v, err := f.Call(args)
		if err == nil {
			err = measure(v)
		}
		return v, err
	}, nil)
}

// rewrap makes a function with the same parameters and other behaviour.
func rewrap(f function.Function, call func([]cty.Value) (cty.Value, error), before func([]cty.Value) error) function.Function {
	spec := &function.Spec{
		Params: f.Params(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if before != nil {
				if err := before(args); err != nil {
					return cty.DynamicPseudoType, err
				}
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return call(args) },
	}
	if v := f.VarParam(); v != nil {
		spec.VarParam = v
	}
	return function.New(spec)
}

func formatCost(args []cty.Value) error {
	if len(args) == 0 || args[0].Type() != cty.String {
		return nil
	}
	digits := 0
	for _, r := range args[0].AsString() {
		if r >= '0' && r <= '9' {
			if digits++; digits > 4 {
				return errors.New("a width or precision of the format is larger than 9999")
			}
		} else {
			digits = 0
		}
	}
	total := 0
	for _, a := range args {
		if a.Type() == cty.String {
			total += len(a.AsString())
		}
		if hugeNumber(a) {
			return errors.New("a number is too large or too small to be written out")
		}
	}
	// One verb may name the same argument many times: %[1]s%[1]s.
	if n := strings.Count(args[0].AsString(), "%"); n > 0 && total > maxText/n {
		return errTooLarge
	}
	return nil
}

func indentCost(args []cty.Value) error {
	n, _ := args[0].AsBigFloat().Int64()
	lines := int64(strings.Count(args[1].AsString(), "\n"))
	if n > 10_000 || n*lines > maxText {
		return errTooLarge
	}
	return nil
}

func joinCost(args []cty.Value) error {
	sep, n := len(args[0].AsString()), 0
	for _, l := range args[1:] {
		if l.CanIterateElements() {
			n += l.LengthInt()
		}
	}
	if sep > 0 && n > maxText/sep {
		return errTooLarge
	}
	return nil
}

func concatCost(args []cty.Value) error {
	n := 0
	for _, a := range args {
		if a.CanIterateElements() {
			n += a.LengthInt()
		}
	}
	if n > maxElements/4 {
		return fmt.Errorf("the list would have more than %d elements", maxElements/4)
	}
	return nil
}

func productCost(args []cty.Value) error {
	n := 1
	for _, a := range args {
		if !a.CanIterateElements() {
			return nil
		}
		if n *= a.LengthInt(); n*len(args) > maxElements {
			return fmt.Errorf("the product would have more than %d elements", maxElements)
		}
		if n == 0 {
			return nil
		}
	}
	return nil
}

func jsonCost(args []cty.Value) error {
	text := args[0].AsString()
	if err := checkJSONDepth([]byte(text)); err != nil {
		return err
	}
	return checkKeys(text) // JSON is YAML, and its decoder takes the last as well
}

func toFunc(want cty.Type) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "v", Type: cty.DynamicPseudoType, AllowNull: true, AllowMarked: true, AllowDynamicType: true}},
		Type: func(args []cty.Value) (cty.Type, error) {
			ty := args[0].Type()
			if ty.Equals(want) {
				return want, nil
			}
			if u, _ := args[0].Unmark(); u.IsNull() && ty == cty.DynamicPseudoType {
				return want, nil
			}
			if conv := convert.GetConversionUnsafe(ty, want); conv == nil {
				return want, function.NewArgErrorf(0, "cannot convert %s to %s", ty.FriendlyName(), want.FriendlyNameForConstraint())
			}
			if want.HasDynamicTypes() {
				v, err := convert.Convert(args[0], want)
				if err != nil {
					return want, function.NewArgErrorf(0, "cannot convert %s to %s: %s", ty.FriendlyName(), want.FriendlyNameForConstraint(), err)
				}
				return v.Type(), nil
			}
			return want, nil
		},
		Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
			v, err := convert.Convert(args[0], ret)
			if err != nil {
				return cty.DynamicVal, function.NewArgErrorf(0, "cannot convert %s to %s", args[0].Type().FriendlyName(), want.FriendlyNameForConstraint())
			}
			return v, measure(v)
		},
	})
}
