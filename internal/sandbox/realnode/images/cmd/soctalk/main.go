// Command soctalk stands in for SocTalk's own services in the sandbox: it
// answers the same health checks, as the role that its first argument names.
//
//	/health/live   200 as long as the process runs
//	/health/ready  200, for the api only while its database answers
//	/version       the version of the image
//	/              what this is
//
// The api finds its database in DATABASE_URL. PORT overrides the port of the
// role.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// ports holds the roles and where they listen.
var ports = map[string]string{
	"api":         "8000",
	"app-ui":      "8080",
	"adapter":     "8080",
	"runs-worker": "8080",
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	if len(os.Args) < 2 || ports[os.Args[1]] == "" {
		return errors.New("usage: soctalk api|app-ui|adapter|runs-worker")
	}
	role := os.Args[1]
	port := os.Getenv("PORT")
	if port == "" {
		port = ports[role]
	}
	version := os.Getenv("SOCTALK_VERSION")
	server := &http.Server{
		Addr:              ":" + port,
		Handler:           handler(role, version, readiness(role)),
		ReadHeaderTimeout: 10 * time.Second,
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	log.Printf("%s %s listens on %s", role, version, server.Addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func handler(role, version string, ready func(context.Context) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/health/live", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/health/ready", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/version", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, version)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "soctalk %s %s\n", role, version)
	})
	return mux
}
