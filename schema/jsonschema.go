package schema

import (
	"encoding/json"
	"strings"
)

// JSONSchema returns the JSON Schema (draft 2020-12) of the JSON syntax, made
// from the table that the decoder works from.
func JSONSchema() []byte {
	defs := object{}
	root := bodySchemaJSON(language, "", defs)
	root["$defs"] = defs
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = "https://soctalk.dev/schemas/fleet.schema.json"
	root["title"] = "SocTalk fleet, JSON syntax"
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // only maps, strings and numbers are in there
	}
	return append(out, '\n')
}

type object = map[string]any

// bodySchemaJSON describes the content of a block, and puts that of nested
// ones among the definitions. "//" is a comment.
func bodySchemaJSON(b *block, path string, defs object) object {
	props := object{"//": object{}}
	var required []string
	for _, a := range b.attrs {
		props[a.name] = a.jsonSchema()
		if a.required {
			required = append(required, a.name)
		}
	}
	for _, c := range b.blocks {
		props[c.name] = c.jsonSchema(path, defs)
	}
	s := object{"type": "object", "properties": props}
	if b.open {
		s["additionalProperties"] = object{}
		s["propertyNames"] = object{"pattern": "^(//|[A-Za-z_][A-Za-z0-9_-]*)$"}
	} else {
		s["additionalProperties"] = false
	}
	// What a tenant leaves out may come from tenant_defaults, and blocks may
	// be spread over several files.
	if len(required) > 0 && !b.inherits() {
		s["required"] = required
	}
	if len(b.oneOf) > 0 {
		var choices []any
		for _, name := range b.oneOf {
			choices = append(choices, object{"required": []string{name}})
		}
		s["oneOf"] = choices
	}
	if b.doc != "" {
		s["description"] = plainDoc(b.doc)
	}
	return s
}

// inherits reports whether tenant_defaults may complete the block.
func (b *block) inherits() bool {
	return b.name == "tenant" || b.name == "companion" || b.name == "snapshot"
}

// jsonSchema describes a block where it is written: one body or a list of
// them, under its label where it has one.
func (b *block) jsonSchema(within string, defs object) object {
	path := strings.TrimPrefix(within+"."+b.name, ".")
	defs[path] = bodySchemaJSON(b, path, defs)
	body := object{"$ref": "#/$defs/" + path}
	bodies := object{"anyOf": []any{body, object{"type": "array", "items": body}}}
	if b.label == "" {
		return bodies
	}
	defs[path+".labelled"] = object{"type": "object", "additionalProperties": bodies, "properties": object{"//": object{}}}
	labelled := object{"$ref": "#/$defs/" + path + ".labelled"}
	return object{"anyOf": []any{labelled, object{"type": "array", "items": labelled}}}
}

// template is what a string may hold in place of a value of any kind.
var templateString = object{"type": "string", "pattern": "\\$\\{|%\\{"}

func (a *attribute) jsonSchema() object {
	var choices []any
	add := func(s object) { choices = append(choices, s) }
	list := func(items object) { add(object{"type": "array", "items": items}) }
	str := object{"type": "string"}
	loose := true
	switch a.kind {
	case kindBool:
		add(object{"type": "boolean"})
		add(object{"enum": []string{"true", "false"}})
	case kindInt, kindNumber:
		n := object{"type": "number"}
		if a.kind == kindInt {
			n["type"] = "integer"
		}
		if a.bounded {
			n["minimum"] = a.min
			if a.max > 0 {
				n["maximum"] = a.max
			}
		}
		add(n)
		add(object{"type": "string", "pattern": "^-?[0-9.]+$"})
	case kindStrings, kindWeekdays, kindRefs:
		list(object{"type": []string{"string", "number", "boolean"}})
	case kindStringMap:
		add(object{"type": "object", "additionalProperties": object{"type": []string{"string", "number", "boolean", "null"}}})
	case kindBudget:
		add(object{"type": "integer", "minimum": 0})
		add(object{"type": "string", "pattern": "^([0-9]+|[0-9]{1,2}%|100%)$"})
	case kindValues:
		list(object{"type": []string{"string", "object", "null"}})
	case kindForEach:
		add(object{"type": "object"})
	case kindAny:
		loose = false
		add(object{})
	case kindClock:
		add(object{"type": "string", "pattern": "^([01]?[0-9]|2[0-3]):[0-5][0-9]$"})
	case kindDuration:
		add(object{"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$"})
	default:
		loose = false
		if len(a.enum) > 0 {
			loose = true
			add(object{"enum": a.enum})
		} else {
			add(str)
			add(object{"type": "number"})
		}
	}
	if loose {
		add(templateString)
	}
	if a.kind != kindAny && !a.required {
		add(object{"type": "null"})
	}
	return object{"anyOf": choices, "description": plainDoc(a.doc)}
}

// plainDoc takes Markdown's quotes out.
func plainDoc(s string) string { return strings.ReplaceAll(s, "`", "") }
