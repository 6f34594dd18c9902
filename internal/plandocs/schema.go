package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// reader turns the document's Go types into definitions.
type reader struct {
	defs map[string]any
	// values are the constants of a type, in order.
	values map[string][]string
}

type object = map[string]any

// planSchema makes the JSON Schema of the Go types in a file; root is the type
// of the whole document.
func planSchema(path, root string) ([]byte, error) {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("read the document's types: %w", err)
	}
	r := &reader{defs: object{}, values: map[string][]string{}}
	r.constants(file)
	if err := r.types(file); err != nil {
		return nil, err
	}
	schema := object{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   "A plan of soctalk",
		"$comment": "Made from the Go types by make docs. Minor versions of the format only add: readers ignore fields that they do not know. " +
			"A saved plan is such a document with two more fields, where and sealed.",
		"$ref":  "#/$defs/" + root,
		"$defs": r.defs,
	}
	data, err := json.MarshalIndent(schema, "", "  ")
	return append(data, '\n'), err
}

func (r *reader) constants(file *ast.File) {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			of, typed := v.Type.(*ast.Ident)
			if !typed || len(v.Values) != 1 {
				continue
			}
			if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil {
					r.values[of.Name] = append(r.values[of.Name], text)
				}
			}
		}
	}
}

func (r *reader) types(file *ast.File) error {
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, s := range g.Specs {
			t := s.(*ast.TypeSpec)
			def, err := r.definition(t)
			if err != nil {
				return fmt.Errorf("type %s: %w", t.Name.Name, err)
			}
			if text := sentence(g.Doc); text != "" {
				def["description"] = text
			}
			r.defs[t.Name.Name] = def
		}
	}
	return nil
}

func (r *reader) definition(t *ast.TypeSpec) (object, error) {
	fields, isStruct := t.Type.(*ast.StructType)
	if !isStruct {
		def, err := typeSchema(t.Type)
		if values := r.values[t.Name.Name]; len(values) > 0 {
			def["enum"] = values
		}
		return def, err
	}
	properties, required := object{}, []string{}
	for _, f := range fields.Fields.List {
		if f.Tag == nil || len(f.Names) != 1 {
			return nil, fmt.Errorf("a field without a name or a tag")
		}
		tag, err := strconv.Unquote(f.Tag.Value)
		if err != nil {
			return nil, fmt.Errorf("tag of %s: %w", f.Names[0], err)
		}
		name, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		p, err := typeSchema(f.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Names[0], err)
		}
		if text := sentence(f.Doc, f.Comment); text != "" {
			p["description"] = text
		}
		properties[name] = p
		if !strings.Contains(options, "omitempty") {
			required = append(required, name)
		}
	}
	return object{"type": "object", "properties": properties, "required": required}, nil
}

func typeSchema(t ast.Expr) (object, error) {
	switch t := t.(type) {
	case *ast.Ident:
		switch t.Name {
		case "string":
			return object{"type": "string"}, nil
		case "bool":
			return object{"type": "boolean"}, nil
		case "int":
			return object{"type": "integer"}, nil
		}
		if t.IsExported() {
			return object{"$ref": "#/$defs/" + t.Name}, nil
		}
	case *ast.StarExpr:
		return typeSchema(t.X)
	case *ast.ArrayType:
		items, err := typeSchema(t.Elt)
		return object{"type": "array", "items": items}, err
	case *ast.MapType:
		values, err := typeSchema(t.Value)
		return object{"type": "object", "additionalProperties": values}, err
	case *ast.SelectorExpr:
		if t.Sel.Name == "Time" {
			return object{"type": "string", "format": "date-time"}, nil
		}
	}
	return nil, fmt.Errorf("no JSON Schema is known for %T", t)
}

var docLink = regexp.MustCompile(`\[(\w+)\]`)

// sentence joins comments into one line.
func sentence(comments ...*ast.CommentGroup) string {
	var words []string
	for _, c := range comments {
		words = append(words, strings.Fields(c.Text())...)
	}
	return docLink.ReplaceAllString(strings.Join(words, " "), "$1")
}
