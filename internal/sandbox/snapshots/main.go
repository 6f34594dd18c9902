// Command snapshots gives the cluster of a sandbox volume snapshots: the
// snapshot controller and the sidecar of a CSI driver, both the real ones of
// kubernetes-csi, and behind them a stand-in for the driver, which has no
// volumes to copy.
//
// When SOCTALK_SANDBOX_LIFELINE names a file descriptor, the process ends as
// soon as the other end of that pipe is closed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	clientset "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	snapshotscheme "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned/scheme"
	informers "github.com/kubernetes-csi/external-snapshotter/client/v8/informers/externalversions"
	controller "github.com/kubernetes-csi/external-snapshotter/v8/pkg/common-controller"
	"github.com/kubernetes-csi/external-snapshotter/v8/pkg/metrics"
	sidecar "github.com/kubernetes-csi/external-snapshotter/v8/pkg/sidecar-controller"
	coreinformers "k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/workqueue"
)

// workers is how many objects each controller handles at a time.
const workers = 10

func main() {
	flags := flag.NewFlagSet("snapshots", flag.ExitOnError)
	kubeconfig := flags.String("kubeconfig", "", "path of the cluster-admin's kubeconfig")
	driver := flags.String("driver", "", "name of the CSI driver that is stood in for")
	_ = flags.Parse(os.Args[min(2, len(os.Args)):]) // it exits by itself; the first argument is the server's name
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := errors.Join(holdLifeline(), run(ctx, *kubeconfig, *driver)); err != nil {
		fmt.Fprintln(os.Stderr, "snapshots:", err)
		os.Exit(1)
	}
}

// run runs the controllers until the context ends.
func run(ctx context.Context, kubeconfig, driver string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	snapshots, err := clientset.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client of snapshots: %w", err)
	}
	if err := snapshotscheme.AddToScheme(scheme.Scheme); err != nil { // for their events
		return err
	}

	factory, core := informers.NewSharedInformerFactory(snapshots, 0), coreinformers.NewSharedInformerFactory(client, 0)
	volumes := core.Core().V1()
	own := factory.Snapshot().V1()
	const never = time.Duration(math.MaxInt64)
	common := controller.NewCSISnapshotCommonController(snapshots, client,
		own.VolumeSnapshots(), own.VolumeSnapshotContents(), own.VolumeSnapshotClasses(), nil, nil, nil,
		volumes.PersistentVolumeClaims(), volumes.PersistentVolumes(), nil, metrics.NewMetricsManager(), never,
		retry(), retry(), retry(), retry(), false, true, false)
	storage := newStorage(client, driver)
	side := sidecar.NewCSISnapshotSideCarController(snapshots, client, driver,
		own.VolumeSnapshotContents(), own.VolumeSnapshotClasses(), storage, nil, 10*time.Second, never,
		"snapshot", -1, "group", -1, false, retry(), false, nil, nil, retry())
	p := newProvisioner(client, driver, volumes.PersistentVolumeClaims().Lister(), own.VolumeSnapshots().Lister(), own.VolumeSnapshotContents().Lister(), storage)
	factory.Start(ctx.Done())
	core.Start(ctx.Done())

	var wg, inside sync.WaitGroup
	wg.Go(func() { common.Run(workers, ctx.Done(), &inside) })
	wg.Go(func() { side.Run(workers, ctx.Done(), &inside) })
	wg.Go(func() { p.run(ctx) })
	wg.Wait()
	return nil
}

// retry is quicker than in a real cluster, where nobody waits for a test.
func retry() workqueue.TypedRateLimiter[string] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[string](50*time.Millisecond, time.Second)
}

// holdLifeline ends the process when the pipe named by the environment
// reaches its end.
func holdLifeline() error {
	const name = "SOCTALK_SANDBOX_LIFELINE"
	value := os.Getenv(name)
	if value == "" {
		return nil
	}
	fd, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("%s=%q: not the number of a file descriptor", name, value)
	}
	pipe := os.NewFile(uintptr(fd), "lifeline")
	go func() {
		_, _ = io.Copy(io.Discard, pipe)
		os.Exit(0)
	}()
	return nil
}
