package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
)

const (
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// Image is one image of a layout. Layers are tar files in memory; images of
// one layout may share them.
type Image struct {
	Name       string // as pods ask for it
	Layers     [][]byte
	Entrypoint []string
	Env        []string
}

type descriptor struct {
	MediaType   string            `json:"mediaType"`
	Digest      string            `json:"digest"`
	Size        int               `json:"size"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// writeLayout writes an OCI image layout, as one tar file, that depends on
// nothing but the images.
func writeLayout(w io.Writer, images []Image) error {
	archive := &layoutWriter{tar: tar.NewWriter(w), blobs: map[string]bool{}}
	if err := archive.file("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	var manifests []descriptor
	for _, image := range images {
		manifest, err := archive.image(image)
		if err != nil {
			return fmt.Errorf("image %s: %w", image.Name, err)
		}
		manifest.Annotations = map[string]string{"io.containerd.image.name": image.Name}
		manifests = append(manifests, manifest)
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": mediaIndex, "manifests": manifests})
	if err != nil {
		return fmt.Errorf("encode the index: %w", err)
	}
	if err := archive.file("index.json", index); err != nil {
		return err
	}
	return archive.tar.Close()
}

type layoutWriter struct {
	tar   *tar.Writer
	blobs map[string]bool
}

func (l *layoutWriter) image(image Image) (descriptor, error) {
	var layers []descriptor
	var diffs []string
	for _, data := range image.Layers {
		layer, err := l.blob(mediaLayer, data)
		if err != nil {
			return descriptor{}, err
		}
		layers = append(layers, layer)
		diffs = append(diffs, layer.Digest)
	}
	config, err := l.document(mediaConfig, map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       map[string]any{"Entrypoint": image.Entrypoint, "Env": image.Env},
		"rootfs":       map[string]any{"type": "layers", "diff_ids": diffs},
	})
	if err != nil {
		return descriptor{}, err
	}
	return l.document(mediaManifest, map[string]any{
		"schemaVersion": 2, "mediaType": mediaManifest, "config": config, "layers": layers,
	})
}

func (l *layoutWriter) document(mediaType string, document any) (descriptor, error) {
	data, err := json.Marshal(document)
	if err != nil {
		return descriptor{}, fmt.Errorf("encode: %w", err)
	}
	return l.blob(mediaType, data)
}

// blob adds data once and describes it.
func (l *layoutWriter) blob(mediaType string, data []byte) (descriptor, error) {
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if !l.blobs[digest] {
		if err := l.file("blobs/sha256/"+digest, data); err != nil {
			return descriptor{}, err
		}
		l.blobs[digest] = true
	}
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest, Size: len(data)}, nil
}

func (l *layoutWriter) file(name string, data []byte) error {
	header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(data))}
	if err := l.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if _, err := io.Copy(l.tar, bytes.NewReader(data)); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
