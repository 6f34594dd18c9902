package clitest

import (
	"context"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

// restricted FILE writes a kubeconfig of a user who may do nothing but what
// grant gives.
func restricted(ts *testscript.TestScript, _ bool, args []string) {
	config, err := clientcmd.LoadFromFile(ts.Getenv("KUBECONFIG"))
	ts.Check(err)
	for _, user := range config.AuthInfos {
		user.Impersonate = restrictedUser(ts)
	}
	ts.Check(clientcmd.WriteToFile(*config, ts.MkAbs(args[0])))
}

func restrictedUser(ts *testscript.TestScript) string { return "restricted-" + ts.Getenv("ID") }

// grant FILE NAME [NAMESPACE…] gives that user the ClusterRole that a file holds
// somewhere in its text, under another name, in the namespaces or in all.
func grant(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	_, text, found := strings.Cut(text, "apiVersion: rbac.authorization.k8s.io/v1")
	if !found {
		ts.Fatalf("%s holds no role", args[0])
	}
	var lines []string
	for _, line := range strings.Split(text, "\n")[1:] {
		line = strings.TrimPrefix(strings.TrimPrefix(line, "│ "), "  ")
		if strings.TrimSpace(line) == "" || line == "╵" {
			break
		}
		lines = append(lines, line)
	}
	role := &rbacv1.ClusterRole{}
	ts.Check(yaml.Unmarshal([]byte(strings.Join(lines, "\n")), role))
	role.Name = args[1] + "-" + ts.Getenv("ID")
	client, err := configuration(ts, "default").KubernetesClientSet()
	ts.Check(err)
	ctx := context.Background()
	_, err = client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
	if !apierrors.IsAlreadyExists(err) {
		ts.Check(err)
	}
	ref := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name}
	subjects := []rbacv1.Subject{{Kind: "User", Name: restrictedUser(ts)}}
	if len(args) == 2 {
		_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role.Name}, RoleRef: ref, Subjects: subjects}, metav1.CreateOptions{})
		ts.Check(err)
	}
	for _, namespace := range args[2:] {
		binding := &rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: role.Name, Namespace: namespace}, RoleRef: ref, Subjects: subjects}
		_, err = client.RbacV1().RoleBindings(namespace).Create(ctx, binding, metav1.CreateOptions{})
		ts.Check(err)
	}
}
