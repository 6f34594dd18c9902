package kube

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
)

// feed is what is live of one kind in one namespace, kept up to date by a
// watch.
type feed struct {
	informer cache.SharedInformer

	mu      sync.Mutex
	failure error
	// last holds deleted objects as they were: a Job that is removed on
	// completion was complete.
	last map[string]runtime.Object
}

// lister lists and watches one kind in one namespace.
type lister struct {
	list  func(context.Context, metav1.ListOptions) (runtime.Object, error)
	watch func(context.Context, metav1.ListOptions) (watch.Interface, error)
}

// newFeed starts watching until the context ends; changed is called after
// every change, and must not block.
func newFeed(ctx context.Context, wg *sync.WaitGroup, l lister, example runtime.Object, changed func()) *feed {
	f := &feed{last: map[string]runtime.Object{}}
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			// A list out of the API server's cache may be older than what was
			// just written.
			o.ResourceVersion, o.ResourceVersionMatch = "", ""
			list, err := l.list(ctx, o)
			f.note(ctx, err, changed)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			w, err := l.watch(ctx, o)
			f.note(ctx, err, changed)
			return w, err
		},
	}
	f.informer = cache.NewSharedInformer(lw, example, 0)
	// The default handler writes to standard error.
	_ = f.informer.SetWatchErrorHandlerWithContext(func(context.Context, *cache.Reflector, error) {})
	_, _ = f.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(o any) {
			f.remember(o)
			changed()
		},
	})
	wg.Add(2)
	go func() {
		defer wg.Done()
		f.informer.RunWithContext(ctx)
	}()
	go func() {
		defer wg.Done()
		if cache.WaitForCacheSync(ctx.Done(), f.informer.HasSynced) {
			changed()
		}
	}()
	return f
}

func (f *feed) note(ctx context.Context, err error, changed func()) {
	if ctx.Err() != nil {
		return
	}
	f.mu.Lock()
	f.failure = err
	f.mu.Unlock()
	if err != nil {
		changed()
	}
}

func (f *feed) remember(o any) {
	obj, ok := o.(runtime.Object)
	if !ok {
		return
	}
	key, err := cache.MetaNamespaceKeyFunc(obj)
	if err != nil {
		return
	}
	f.mu.Lock()
	f.last[key] = obj
	f.mu.Unlock()
}

func (f *feed) synced() bool { return f.informer.HasSynced() }

// refused returns why the feed will never say anything: a permission is
// missing, or the credentials are not accepted.
func (f *feed) refused() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if apierrors.IsForbidden(f.failure) || apierrors.IsUnauthorized(f.failure) {
		return f.failure
	}
	return nil
}

func (f *feed) lastFailure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failure
}

// get returns the object, and whether it was deleted meanwhile.
func (f *feed) get(namespace, name string) (obj runtime.Object, deleted bool) {
	key := name
	if namespace != "" {
		key = namespace + "/" + name
	}
	if o, ok, _ := f.informer.GetStore().GetByKey(key); ok {
		obj, _ = o.(runtime.Object)
		return obj, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	obj, deleted = f.last[key]
	return obj, deleted
}

func (f *feed) all() []any { return f.informer.GetStore().List() }
