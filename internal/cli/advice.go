package cli

// advised is an error with what to do about it.
type advised struct {
	error
	advice string
}

func (e *advised) Unwrap() error { return e.error }

// advise adds to an error what a person can do about it.
func advise(err error, advice string) error { return &advised{err, advice} }

const planAgain = "Nothing was changed. Plan again, review, and apply the new plan."
