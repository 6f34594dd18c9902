package schema

import (
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Masterminds/semver/v3"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func stringParam(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String}
}

// textFunc is a function from one string to another.
func textFunc(f func(string) (string, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("str")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			s, err := f(args[0].AsString())
			return cty.StringVal(s), err
		},
	})
}

// matchFunc is a yes-or-no question about two strings.
func matchFunc(f func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{stringParam("str"), stringParam("part")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var (
	startsWithFunc  = matchFunc(strings.HasPrefix)
	endsWithFunc    = matchFunc(strings.HasSuffix)
	strContainsFunc = matchFunc(strings.Contains)

	basenameFunc = textFunc(func(s string) (string, error) { return path.Base(s), nil })
	dirnameFunc  = textFunc(func(s string) (string, error) { return path.Dir(s), nil })

	urlEncodeFunc    = textFunc(func(s string) (string, error) { return url.QueryEscape(s), nil })
	base64EncodeFunc = textFunc(func(s string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(s)), nil })
	base64DecodeFunc = textFunc(func(s string) (string, error) {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return "", errors.New("the text is not base64")
		}
		if !utf8.Valid(b) {
			return "", errors.New("the decoded bytes are not UTF-8 text")
		}
		return string(b), nil
	})
)

// hex and base64 forms of the hashes that Terraform has, of any bytes.
var hashes = map[string]func([]byte) string{
	"md5":          func(b []byte) string { h := md5.Sum(b); return hex.EncodeToString(h[:]) },
	"sha1":         func(b []byte) string { h := sha1.Sum(b); return hex.EncodeToString(h[:]) },
	"sha256":       func(b []byte) string { h := sha256.Sum256(b); return hex.EncodeToString(h[:]) },
	"sha512":       func(b []byte) string { h := sha512.Sum512(b); return hex.EncodeToString(h[:]) },
	"base64sha256": func(b []byte) string { h := sha256.Sum256(b); return base64.StdEncoding.EncodeToString(h[:]) },
	"base64sha512": func(b []byte) string { h := sha512.Sum512(b); return base64.StdEncoding.EncodeToString(h[:]) },
}

func hashFunc(name string) function.Function {
	return textFunc(func(s string) (string, error) { return hashes[name]([]byte(s)), nil })
}

// base64GzipFunc writes the same bytes as Terraform's.
var base64GzipFunc = textFunc(func(s string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(s))
	if err := errors.Join(err, w.Flush(), w.Close()); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
})

// coalesceFunc passes over empty texts, as Terraform's does and go-cty's does
// not.
var coalesceFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "vals", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true, AllowNull: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		if len(args) == 0 {
			return cty.DynamicPseudoType, errors.New("at least one argument is needed")
		}
		types := make([]cty.Type, len(args))
		for i, v := range args {
			types[i] = v.Type()
		}
		ty, _ := convert.UnifyUnsafe(types)
		if ty == cty.NilType {
			return ty, errors.New("all arguments must have the same type")
		}
		return ty, nil
	},
	Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
		for _, v := range args {
			v, err := convert.Convert(v, want)
			switch {
			case err != nil:
				return cty.DynamicVal, err
			case !v.IsKnown():
				return cty.UnknownVal(want), nil
			case v.IsNull(), v.Type() == cty.String && v.AsString() == "":
				continue
			}
			return v, nil
		}
		return cty.DynamicVal, errors.New("every argument is null or an empty text")
	},
})

// timeCmpFunc compares moments, in whatever zones they are written.
var timeCmpFunc = function.New(&function.Spec{
	Params: []function.Parameter{stringParam("timestamp_a"), stringParam("timestamp_b")},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		var moments [2]time.Time
		for i, v := range args {
			t, err := time.Parse(time.RFC3339, v.AsString())
			if err != nil {
				return cty.DynamicVal, function.NewArgErrorf(i, "this is no RFC 3339 timestamp, such as 2026-01-31T23:00:00Z")
			}
			moments[i] = t
		}
		return cty.NumberIntVal(int64(moments[0].Compare(moments[1]))), nil
	},
})

// The name spaces of RFC 4122.
var uuidSpaces = map[string]string{
	"dns": "6ba7b8109dad11d180b400c04fd430c8", "url": "6ba7b8119dad11d180b400c04fd430c8",
	"oid": "6ba7b8129dad11d180b400c04fd430c8", "x500": "6ba7b8149dad11d180b400c04fd430c8",
}

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

var uuidV5Func = function.New(&function.Spec{
	Params: []function.Parameter{stringParam("namespace"), stringParam("name")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		space, known := uuidSpaces[args[0].AsString()]
		if !known {
			if space = args[0].AsString(); !uuidForm.MatchString(space) {
				return cty.DynamicVal, function.NewArgErrorf(0, "must be dns, url, oid, x500 or a UUID")
			}
			space = strings.ReplaceAll(space, "-", "")
		}
		prefix, err := hex.DecodeString(space)
		if err != nil {
			return cty.DynamicVal, function.NewArgError(0, err)
		}
		h := sha1.Sum(append(prefix, args[1].AsString()...))
		h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
		return cty.StringVal(fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])), nil
	},
})

// replaceFunc takes a regular expression between slashes, as in Terraform.
var replaceFunc = function.New(&function.Spec{
	Params: []function.Parameter{stringParam("str"), stringParam("substr"), stringParam("replace")},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		s, old, repl := args[0].AsString(), args[1].AsString(), args[2].AsString()
		if len(old) > 1 && strings.HasPrefix(old, "/") && strings.HasSuffix(old, "/") {
			re, err := regexp.Compile(old[1 : len(old)-1])
			if err != nil {
				return cty.DynamicVal, fmt.Errorf("invalid regular expression: %w", err)
			}
			// Each match can bring in the whole text through $0.
			if n := len(re.FindAllStringIndex(s, -1)); n*(len(repl)+strings.Count(repl, "$")*len(s)) > maxText {
				return cty.DynamicVal, errTooLarge
			}
			return cty.StringVal(re.ReplaceAllString(s, repl)), nil
		}
		if strings.Count(s, old)*len(repl) > maxText {
			return cty.DynamicVal, errTooLarge
		}
		return cty.StringVal(strings.ReplaceAll(s, old, repl)), nil
	},
})

func boolsFunc(start bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				if !v.IsKnown() {
					return cty.UnknownVal(cty.Bool), nil
				}
				if !v.IsNull() && v.True() != start || v.IsNull() && start {
					return cty.BoolVal(!start), nil
				}
			}
			return cty.BoolVal(start), nil
		},
	})
}

var (
	allTrueFunc = boolsFunc(true)
	anyTrueFunc = boolsFunc(false)
)

var sumFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].CanIterateElements() || args[0].LengthInt() == 0 {
			return cty.DynamicVal, function.NewArgErrorf(0, "must be a non-empty list, set or tuple of numbers")
		}
		total := cty.Zero
		for it := args[0].ElementIterator(); it.Next(); {
			_, v := it.Element()
			n, err := convert.Convert(v, cty.Number)
			if err != nil || n.IsNull() {
				return cty.DynamicVal, function.NewArgErrorf(0, "must hold nothing but numbers")
			}
			if total, err = stdlib.Add(total, n); err != nil {
				return cty.DynamicVal, err
			}
		}
		return total, nil
	},
})

var indexFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		ty := args[0].Type()
		if !ty.IsListType() && !ty.IsTupleType() {
			return cty.DynamicVal, function.NewArgErrorf(0, "must be a list or tuple")
		}
		for it := args[0].ElementIterator(); it.Next(); {
			i, v := it.Element()
			if eq, err := stdlib.Equal(v, args[1]); err == nil && eq.IsKnown() && eq.True() {
				return i, nil
			}
		}
		return cty.DynamicVal, errors.New("the value is not in the list")
	},
})

// lengthFunc counts characters of strings too, as in Terraform.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowUnknown: true, AllowMarked: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		ty := args[0].Type()
		if ty == cty.String || ty == cty.DynamicPseudoType || ty.IsTupleType() || ty.IsObjectType() || ty.IsCollectionType() {
			return cty.Number, nil
		}
		return cty.Number, errors.New("the argument must be a string, a collection, an object or a tuple")
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, marks := args[0].Unmark()
		switch ty := v.Type(); {
		case !v.IsKnown():
			return cty.UnknownVal(cty.Number).WithMarks(marks), nil
		case ty == cty.String:
			n, err := stdlib.Strlen(v)
			return n.WithMarks(marks), err
		case ty.IsObjectType():
			return cty.NumberIntVal(int64(len(ty.AttributeTypes()))).WithMarks(marks), nil
		default:
			return v.Length().WithMarks(marks), nil
		}
	},
})

// lookupFunc may go without default, as in Terraform.
var lookupFunc = function.New(&function.Spec{
	Params:   []function.Parameter{{Name: "map", Type: cty.DynamicPseudoType, AllowMarked: true}, {Name: "key", Type: cty.String}},
	VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true, AllowMarked: true},
	Type:     func(args []cty.Value) (cty.Type, error) { v, err := lookup(args); return v.Type(), err },
	Impl:     func(args []cty.Value, _ cty.Type) (cty.Value, error) { return lookup(args) },
})

func lookup(args []cty.Value) (cty.Value, error) {
	m, marks := args[0].Unmark()
	key, keyMarks := args[1].Unmark()
	if len(args) > 3 {
		return cty.DynamicVal, errors.New("lookup takes a map, a key and at most one default")
	}
	ty := m.Type()
	if !ty.IsObjectType() && !ty.IsMapType() {
		return cty.DynamicVal, function.NewArgErrorf(0, "must be a map or an object")
	}
	if !key.IsKnown() || !m.IsKnown() {
		return cty.DynamicVal, nil
	}
	k := key.AsString()
	switch {
	case ty.IsObjectType() && ty.HasAttribute(k):
		return m.GetAttr(k).WithMarks(marks, keyMarks), nil
	case ty.IsMapType() && m.HasIndex(key).True():
		return m.Index(key).WithMarks(marks, keyMarks), nil
	case len(args) == 3:
		d := args[2]
		if ty.IsMapType() {
			c, err := convert.Convert(d, ty.ElementType())
			if err != nil {
				return cty.DynamicVal, function.NewArgErrorf(2, "the default must have the type of the map's elements")
			}
			d = c
		}
		return d.WithMarks(marks, keyMarks), nil
	}
	return cty.DynamicVal, errors.New("the map has no such key, and there is no default")
}

var matchKeysFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "values", Type: cty.List(cty.DynamicPseudoType)}, {Name: "keys", Type: cty.List(cty.DynamicPseudoType)},
		{Name: "search", Type: cty.List(cty.DynamicPseudoType)},
	},
	Type: func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
	Impl: func(args []cty.Value, ret cty.Type) (cty.Value, error) {
		if args[0].LengthInt() != args[1].LengthInt() {
			return cty.DynamicVal, errors.New("values and keys must have the same length")
		}
		var out []cty.Value
		vals, keys, search := args[0].AsValueSlice(), args[1].AsValueSlice(), args[2].AsValueSlice()
		if len(keys)*len(search) > maxSteps {
			return cty.DynamicVal, errTooLarge
		}
		for i, k := range keys {
			for _, s := range search {
				if eq, err := stdlib.Equal(k, s); err == nil && eq.IsKnown() && eq.True() {
					out = append(out, vals[i])
					break
				}
			}
		}
		if len(out) == 0 {
			return cty.ListValEmpty(ret.ElementType()), nil
		}
		return cty.ListVal(out), nil
	},
})

var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type:   func(args []cty.Value) (cty.Type, error) { v, err := one(args[0]); return v.Type(), err },
	Impl:   func(args []cty.Value, _ cty.Type) (cty.Value, error) { return one(args[0]) },
})

func one(v cty.Value) (cty.Value, error) {
	if !v.IsKnown() {
		return cty.DynamicVal, nil
	}
	ty := v.Type()
	if !ty.IsListType() && !ty.IsSetType() && !ty.IsTupleType() {
		return cty.DynamicVal, function.NewArgErrorf(0, "must be a list, set or tuple")
	}
	switch v.LengthInt() {
	case 0:
		if ty.IsTupleType() {
			return cty.NullVal(cty.DynamicPseudoType), nil
		}
		return cty.NullVal(ty.ElementType()), nil
	case 1:
		return v.AsValueSlice()[0], nil
	}
	return cty.DynamicVal, function.NewArgErrorf(0, "must have no element or one")
}

var transposeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "map", Type: cty.Map(cty.List(cty.String))}},
	Type:   function.StaticReturnType(cty.Map(cty.List(cty.String))),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(cty.Map(cty.List(cty.String))), nil
		}
		out := map[string][]cty.Value{}
		for it := args[0].ElementIterator(); it.Next(); {
			k, list := it.Element()
			if list.IsNull() {
				return cty.DynamicVal, errors.New("a list is null")
			}
			for in := list.ElementIterator(); in.Next(); {
				_, v := in.Element()
				if v.IsNull() {
					return cty.DynamicVal, errors.New("an element is null")
				}
				out[v.AsString()] = append(out[v.AsString()], k)
			}
		}
		if len(out) == 0 {
			return cty.MapValEmpty(cty.List(cty.String)), nil
		}
		m := make(map[string]cty.Value, len(out))
		for k, list := range out {
			m[k] = cty.ListVal(list)
		}
		return cty.MapVal(m), nil
	},
})

func parseVersion(arg int, v cty.Value) (*semver.Version, error) {
	sv, err := semver.NewVersion(v.AsString())
	if err != nil {
		return nil, function.NewArgErrorf(arg, "not a semantic version")
	}
	return sv, nil
}

var semverCompareFunc = function.New(&function.Spec{
	Description: "Compares two versions by semantic versioning: -1, 0 or 1.",
	Params:      []function.Parameter{stringParam("a"), stringParam("b")},
	Type:        function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		a, err := parseVersion(0, args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		b, err := parseVersion(1, args[1])
		if err != nil {
			return cty.DynamicVal, err
		}
		return cty.NumberIntVal(int64(a.Compare(b))), nil
	},
})

var semverSatisfiesFunc = function.New(&function.Spec{
	Description: "Whether a version is within a constraint.",
	Params:      []function.Parameter{stringParam("version"), stringParam("constraint")},
	Type:        function.StaticReturnType(cty.Bool),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, err := parseVersion(0, args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		c, err := semver.NewConstraint(args[1].AsString())
		if err != nil {
			return cty.DynamicVal, function.NewArgErrorf(1, "not a version constraint")
		}
		return cty.BoolVal(c.Check(v)), nil
	},
})

var semverMaxFunc = function.New(&function.Spec{
	Description: "The highest of a list of versions.",
	Params:      []function.Parameter{{Name: "versions", Type: cty.List(cty.String)}},
	Type:        function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		var best *semver.Version
		result := cty.NullVal(cty.String)
		for it := args[0].ElementIterator(); it.Next(); {
			_, e := it.Element()
			if !e.IsKnown() {
				return cty.UnknownVal(cty.String), nil
			}
			if e.IsNull() {
				return cty.DynamicVal, function.NewArgErrorf(0, "holds null")
			}
			v, err := parseVersion(0, e)
			if err != nil {
				return cty.DynamicVal, err
			}
			if best == nil || v.GreaterThan(best) {
				best, result = v, e
			}
		}
		if best == nil {
			return cty.DynamicVal, function.NewArgErrorf(0, "is empty")
		}
		return result, nil
	},
})

var semverParts = cty.Object(map[string]cty.Type{"major": cty.Number, "minor": cty.Number, "patch": cty.Number, "prerelease": cty.String, "metadata": cty.String})

var semverParseFunc = function.New(&function.Spec{
	Description: "The parts of a version: major, minor, patch, prerelease, metadata.",
	Params:      []function.Parameter{stringParam("version")},
	Type:        function.StaticReturnType(semverParts),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		v, err := parseVersion(0, args[0])
		if err != nil {
			return cty.DynamicVal, err
		}
		return cty.ObjectVal(map[string]cty.Value{
			"major": cty.NumberUIntVal(v.Major()), "minor": cty.NumberUIntVal(v.Minor()), "patch": cty.NumberUIntVal(v.Patch()),
			"prerelease": cty.StringVal(v.Prerelease()), "metadata": cty.StringVal(v.Metadata()),
		}), nil
	},
})
