package clitest

import (
	"context"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/soctalk/fleet/internal/sandbox"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// clusters FILE starts a second cluster, and writes a kubeconfig of both, whose
// contexts are main, which is the current one, and edge. EDGE is the kubeconfig of
// the second alone.
func clusters(ts *testscript.TestScript, _ bool, args []string) {
	edge, err := sandbox.Start(context.Background(), sandbox.Options{Nodes: 1})
	ts.Check(err)
	ts.Defer(func() { ts.Check(edge.Stop()) })
	both := clientcmdapi.NewConfig()
	for name, file := range map[string]string{"main": ts.Getenv("KUBECONFIG"), "edge": edge.Kubeconfig} {
		one, err := clientcmd.LoadFromFile(file)
		ts.Check(err)
		c := one.Contexts[one.CurrentContext]
		both.Clusters[name], both.AuthInfos[name] = one.Clusters[c.Cluster], one.AuthInfos[c.AuthInfo]
		both.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	}
	both.CurrentContext = "main"
	ts.Check(clientcmd.WriteToFile(*both, ts.MkAbs(args[0])))
	ts.Setenv("EDGE", edge.Kubeconfig)
}

// helm-copy NAMESPACE/RELEASE NAME makes a second release in a namespace, of the
// same chart: what is left there when somebody installs a tenant by another name.
func helmCopy(ts *testscript.TestScript, _ bool, args []string) {
	namespace, name, _ := strings.Cut(args[0], "/")
	first := newest(ts, namespace, name)
	if first == nil {
		ts.Fatalf("%s is not installed", args[0])
	}
	second := *first
	second.Name, second.Version = args[1], 1
	second.Info = &release.Info{FirstDeployed: first.Info.FirstDeployed, LastDeployed: first.Info.LastDeployed, Status: release.StatusFailed, Description: "exists already, as " + name}
	ts.Check(configuration(ts, namespace).Releases.Create(&second))
}
