package kube

import (
	"errors"
	"testing"
)

func TestSilence(t *testing.T) {
	t.Parallel()
	first, last := errors.New("first"), errors.New("last")
	s := NewSilence(2)
	for range 4 {
		if s.Note(first) != nil {
			t.Fatal("four in a row are too many already")
		}
	}
	if s.Note(nil) != nil || s.Heard() != 1 {
		t.Fatal("an answer was not counted")
	}
	for range 4 {
		if s.Note(first) != nil {
			t.Fatal("an answer did not end the row")
		}
	}
	if got := s.Note(last); got != last {
		t.Fatalf("after five in a row: %v", got)
	}
	if s.Note(nil) != last || s.Broken() != last {
		t.Fatal("a late answer mends it")
	}
	wide := NewSilence(9)
	for range 8 {
		if wide.Note(first) != nil {
			t.Fatal("what is asked at a time may all fail")
		}
	}
	if wide.Note(last) == nil {
		t.Fatal("nine in a row are not too many")
	}
}
