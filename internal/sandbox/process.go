package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// lifelineEnv names, for each server, the file descriptor that tells it that
// its owner lives.
const lifelineEnv = "SOCTALK_SANDBOX_LIFELINE"

// process is one running server.
type process struct {
	name string
	log  string // path
	cmd  *exec.Cmd
	done chan struct{} // closed once the process has ended
}

// launch is what the servers of one sandbox share.
type launch struct {
	binary   string
	logs     string   // folder
	home     string   // folder
	lifeline *os.File // the reading end; the owner keeps the other
}

// start runs one server of the multi-call binary. The file descriptors of
// files are numbered from firstFile in the server.
func (l *launch) start(name string, args []string, files ...*os.File) (*process, error) {
	path := filepath.Join(l.logs, name+".log")
	log, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: open its log: %w", name, err)
	}
	defer func() { _ = log.Close() }()

	cmd := exec.Command(l.binary, append([]string{name}, args...)...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = append([]*os.File{l.lifeline}, files...)
	// Nothing of the user's: etcd takes its flags from the environment too,
	// kwok reads a configuration in the home directory.
	cmd.Env = []string{
		lifelineEnv + "=" + strconv.Itoa(firstFile-1),
		"PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "HOME=" + l.home,
		// Memory for the processor: a fifth of a server's time is its garbage
		// collector's otherwise. The limit is above what an API server keeps of
		// the past for its watches in a long run of tests, or it does nothing but
		// collect.
		"GOGC=400", "GOMEMLIMIT=2GiB",
	}
	// An interrupt from the keyboard goes to the owner alone, which then stops the servers.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, log: path, cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// firstFile is the number of the first file handed to a server, after the
// three standard ones and the lifeline.
const firstFile = 4

// gone waits until a killed process has ended.
func (p *process) gone() error {
	select {
	case <-p.done:
		return nil
	case <-time.After(10 * time.Second):
		return fmt.Errorf("%s, process %d, does not end", p.name, p.cmd.Process.Pid)
	}
}

// ended describes a process that ended on its own, with the end of its log.
func (p *process) ended() error {
	return fmt.Errorf("%s ended: %s; its log %s ends with:\n%s", p.name, p.cmd.ProcessState, p.log, logTail(p.log, 5))
}

// logTail returns the last lines of a file.
func logTail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
