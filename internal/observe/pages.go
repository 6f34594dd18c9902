package observe

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// pageSize bounds one answer of a list.
const pageSize = 500

func pages(list func(metav1.ListOptions) (next string, err error)) error {
	o := metav1.ListOptions{Limit: pageSize}
	for {
		next, err := list(o)
		if err != nil || next == "" {
			return err
		}
		o.Continue = next
	}
}
