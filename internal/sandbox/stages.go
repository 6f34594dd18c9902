package sandbox

import (
	"bufio"
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// stages holds what happens to simulated nodes, pods and volumes.
//
//go:embed stages
var stages embed.FS

// podStage is the part of a Stage of kwok that pod.yaml fills in.
type podStage struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       struct {
		ResourceRef map[string]any `json:"resourceRef"`
		Selector    map[string]any `json:"selector,omitempty"`
		Delay       map[string]any `json:"delay,omitempty"`
		Steps       []struct {
			Event  map[string]any `json:"event,omitempty"`
			Delete bool           `json:"delete,omitempty"`
			Patch  *struct {
				Subresource string `json:"subresource"`
				Root        string `json:"root"`
				Template    string `json:"template"`
			} `json:"patch,omitempty"`
		} `json:"steps"`
	} `json:"spec"`
}

// complete adds what kwok cannot share between stages: the rules of pod.jq
// and the definitions of helpers.tpl.
func (s *podStage) complete(rules, helpers string) {
	s.Spec.Selector = map[string]any{"matchExpressions": []any{
		map[string]any{"jq": map[string]any{"key": rules + "next", "operator": "In", "values": []any{s.Metadata["name"]}}},
	}}
	s.Spec.Delay = map[string]any{
		"durationMilliseconds": 0,
		"durationFrom":         map[string]any{"jq": map[string]any{"expression": rules + "delay"}},
	}
	for _, step := range s.Spec.Steps {
		if step.Patch != nil {
			step.Patch.Template = helpers + step.Patch.Template
		}
	}
}

// stageFile returns kwok's configuration.
func stageFile() ([]byte, error) {
	text := map[string][]byte{}
	for _, name := range []string{"helpers.tpl", "node.yaml", "pod.jq", "pod.yaml", "volume.yaml"} {
		data, err := stages.ReadFile("stages/" + name)
		if err != nil {
			return nil, fmt.Errorf("read the stages: %w", err)
		}
		text[name] = data
	}
	out := [][]byte{text["node.yaml"], text["volume.yaml"]}
	documents := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text["pod.yaml"])))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return bytes.Join(out, []byte("---\n")), nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the stages of pods: %w", err)
		}
		var s podStage
		if err := yaml.UnmarshalStrict(document, &s); err != nil {
			return nil, fmt.Errorf("read the stages of pods: %w", err)
		}
		s.complete(string(text["pod.jq"]), string(text["helpers.tpl"]))
		completed, err := yaml.Marshal(s)
		if err != nil {
			return nil, fmt.Errorf("complete the stages of pods: %w", err)
		}
		out = append(out, completed)
	}
}
