// Package soctalktest gives tests an HTTP server that answers as SocTalk's own API
// does, as far as checks ask it.
package soctalktest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Origin and Email are what a login has to come with.
const (
	Origin = "https://soctalk.example.com"
	Email  = "checks@example.com"
)

// API has sessions by login, tenants, and their health, from which those that
// leave are missing. Its fields are changed in [API.Set].
type API struct {
	mu sync.Mutex
	// Slugs are the tenants, all in the same State, of the same Profile, and with
	// the same last heartbeat; zero: none yet.
	Slugs          []string
	State, Profile string
	Beat           time.Time
	Password       string
	// Sessions says how many requests each that is open is still good for.
	Sessions map[string]int
	// Life is how many requests a new session is good for; 0: any number.
	Life int
	// Logins counts those that were tried.
	Logins int
}

// Set changes the API between two requests.
func (a *API) Set(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// ServeHTTP answers.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if r.Method+" "+r.URL.Path == "POST /api/auth/login" {
		a.login(w, r)
		return
	}
	if !a.open(r) {
		http.Error(w, `{"detail": "authentication required"}`, http.StatusUnauthorized)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /api/mssp/tenants":
		list := []map[string]any{}
		for i, slug := range a.Slugs {
			list = append(list, map[string]any{"id": fmt.Sprint(i), "slug": slug, "display_name": slug, "state": a.State, "profile": a.Profile, "created_at": "", "state_changed_at": "", "runtime": map[string]any{}})
		}
		_ = json.NewEncoder(w).Encode(list)
	case "GET /api/mssp/dashboard/tenant-health":
		_ = json.NewEncoder(w).Encode(map[string]any{"items": a.health()})
	default:
		http.NotFound(w, r)
	}
}

func (a *API) open(r *http.Request) bool {
	cookie, err := r.Cookie("soctalk_session")
	if err != nil {
		return false
	}
	left, open := a.Sessions[cookie.Value]
	if open && a.Life > 0 {
		if a.Sessions[cookie.Value]--; left == 0 {
			delete(a.Sessions, cookie.Value)
			return false
		}
	}
	return open
}

func (a *API) health() []map[string]any {
	items := []map[string]any{}
	if a.State == "archived" {
		return items
	}
	var age any
	if !a.Beat.IsZero() {
		age = int(time.Since(a.Beat).Seconds())
	}
	for i, slug := range a.Slugs {
		items = append(items, map[string]any{"tenant_id": fmt.Sprint(i), "slug": slug, "display_name": slug, "state": a.State, "last_heartbeat": a.Beat.Format(time.RFC3339), "heartbeat_age_seconds": age, "unhealthy": false})
	}
	return items
}

func (a *API) login(w http.ResponseWriter, r *http.Request) {
	a.Logins++
	var body struct{ Email, Password string }
	err := json.NewDecoder(r.Body).Decode(&body)
	switch {
	case r.Header.Get("Origin") != Origin:
		http.Error(w, `{"detail": "origin"}`, http.StatusForbidden)
	case err != nil || body.Email != Email || body.Password != a.Password:
		http.Error(w, `{"detail": "Invalid credentials."}`, http.StatusUnauthorized)
	default:
		id := rand.Text()
		a.Sessions[id] = a.Life
		http.SetCookie(w, &http.Cookie{Name: "soctalk_session", Value: id, Path: "/", HttpOnly: true, Secure: true})
		_, _ = fmt.Fprint(w, `{"user": {}, "must_change": false}`)
	}
}
