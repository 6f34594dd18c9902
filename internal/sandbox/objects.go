package sandbox

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// nodeAnnotation marks the nodes that kwok simulates.
const nodeAnnotation = "kwok.x-k8s.io/node"

// The storage classes: the default one is provisioned by a CSI driver, and at
// once, since the scheduler polls once a second for volumes that wait for
// their pod; the other one is like that of a small cluster, a folder on the
// node.
const (
	csiDriver         = "csi.sandbox.soctalk.io"
	csiClass          = "sandbox-csi"
	localProvisioner  = "rancher.io/local-path"
	localStorageClass = "local-path"
)

// createObjects creates what the cluster has from the beginning. The API
// server asks for the logs of pods at kubeletPort.
func createObjects(ctx context.Context, client kubernetes.Interface, nodes int, kubeletPort int32) error {
	for i := range nodes {
		node := simulatedNode(i+1, kubeletPort)
		if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
	}
	attach := false
	driver := &storagev1.CSIDriver{
		ObjectMeta: metav1.ObjectMeta{Name: csiDriver},
		Spec:       storagev1.CSIDriverSpec{AttachRequired: &attach},
	}
	if _, err := client.StorageV1().CSIDrivers().Create(ctx, driver, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create CSIDriver %s: %w", driver.Name, err)
	}
	for _, class := range storageClasses() {
		if _, err := client.StorageV1().StorageClasses().Create(ctx, class, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create StorageClass %s: %w", class.Name, err)
		}
	}
	return nil
}

func simulatedNode(number int, kubeletPort int32) *corev1.Node {
	name := fmt.Sprintf("sandbox-%d", number)
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:              resource.MustParse("1024"),
		corev1.ResourceMemory:           resource.MustParse("8Ti"),
		corev1.ResourceEphemeralStorage: resource.MustParse("64Ti"),
		corev1.ResourcePods:             resource.MustParse("20000"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: name,
			Labels: map[string]string{
				corev1.LabelHostname:       name,
				corev1.LabelOSStable:       "linux",
				corev1.LabelArchStable:     "amd64",
				corev1.LabelTopologyRegion: "sandbox",
				corev1.LabelTopologyZone:   fmt.Sprintf("sandbox-%c", 'a'+(number-1)%3),
			},
			Annotations: map[string]string{nodeAnnotation: "fake"},
		},
		Status: corev1.NodeStatus{
			Capacity:    capacity,
			Allocatable: capacity,
			Addresses: []corev1.NodeAddress{
				{Type: corev1.NodeInternalIP, Address: "127.0.0.1"},
				{Type: corev1.NodeHostName, Address: name},
			},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: kubeletPort}},
			NodeInfo: corev1.NodeSystemInfo{
				Architecture:            "amd64",
				OperatingSystem:         "linux",
				OSImage:                 "simulated",
				KernelVersion:           "simulated",
				ContainerRuntimeVersion: "containerd://simulated",
				KubeletVersion:          kubernetesVersion,
			},
		},
	}
}

func storageClasses() []*storagev1.StorageClass {
	class := func(name, provisioner string, binding storagev1.VolumeBindingMode, annotations map[string]string) *storagev1.StorageClass {
		reclaim := corev1.PersistentVolumeReclaimDelete
		return &storagev1.StorageClass{
			ObjectMeta:        metav1.ObjectMeta{Name: name, Annotations: annotations},
			Provisioner:       provisioner,
			ReclaimPolicy:     &reclaim,
			VolumeBindingMode: &binding,
		}
	}
	return []*storagev1.StorageClass{
		class(csiClass, csiDriver, storagev1.VolumeBindingImmediate,
			map[string]string{"storageclass.kubernetes.io/is-default-class": "true"}),
		class(localStorageClass, localProvisioner, storagev1.VolumeBindingWaitForFirstConsumer, nil),
	}
}
