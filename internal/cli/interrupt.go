package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interruptedTwice is why steps are cancelled that a second signal finds at work.
type interruptedTwice struct{}

func (interruptedTwice) Error() string { return "interrupted twice, so what ran was cancelled" }

// Is makes it what every cancellation is.
func (interruptedTwice) Is(target error) bool { return target == context.Canceled }

// interrupts turns the first signal into a closed channel and the second into
// a cancelled context.
func interrupts(ctx context.Context) (context.Context, <-chan struct{}, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	first := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-signals:
			case <-ctx.Done():
				return
			}
			if n == 0 {
				close(first)
			} else {
				cancel(interruptedTwice{})
			}
		}
	}()
	return ctx, first, func() { signal.Stop(signals); cancel(nil) }
}
