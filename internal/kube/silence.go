package kube

import "sync"

// patience is how many questions in a row may stay unanswered before a cluster
// is taken for one that no longer answers. It is never less than what is asked
// at a time.
const patience = 5

// Silence tells an API server that has stopped answering from one that fails
// now and then. It is safe for concurrent use.
type Silence struct {
	most int

	mu         sync.Mutex
	row, heard int
	broken     error
}

// NewSilence counts questions of which so many are asked at a time.
func NewSilence(parallel int) *Silence { return &Silence{most: max(patience, parallel)} }

// Note counts one question. The error is why it had no answer, nil where it had
// one; what comes back is nil until too many in a row had none, and then the
// reason of the last of them, whatever comes later.
func (s *Silence) Note(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.row, s.heard = 0, s.heard+1
		return s.broken
	}
	if s.row++; s.row >= s.most && s.broken == nil {
		s.broken = err
	}
	return s.broken
}

// Broken is the reason why nothing more should be asked, nil while it should.
func (s *Silence) Broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// Heard is how many questions had an answer.
func (s *Silence) Heard() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard
}
