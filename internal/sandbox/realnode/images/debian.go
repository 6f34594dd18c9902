package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// tools are the programs that scripts of charts may expect beside those of
// PostgreSQL.
var tools = []string{
	"awk", "base64", "basename", "bash", "cat", "chmod", "chown", "cp", "cut", "date", "dirname", "echo", "env", "expr",
	"false", "find", "grep", "gzip", "head", "hostname", "id", "ln", "locale", "ls", "md5sum", "mkdir", "mktemp", "mv", "printf",
	"pwd", "readlink", "rm", "rmdir", "sed", "seq", "sh", "sha256sum", "sleep", "sort", "stat", "tail", "tar", "tee",
	"test", "timeout", "touch", "tr", "true", "uname", "uniq", "wc", "xargs",
}

// PostgresBin returns the folder of the newest PostgreSQL server that Debian
// installed on this machine.
func PostgresBin() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server below /usr/lib/postgresql")
	}
	sort.Slice(found, func(i, j int) bool { return postgresMajor(found[i]) < postgresMajor(found[j]) })
	return filepath.Dir(found[len(found)-1]), nil
}

func postgresMajor(initdb string) int {
	major, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	return major
}

// debianLayer holds this machine's PostgreSQL, its clients, a shell with the
// usual tools, and the shared libraries that they need.
func debianLayer(ctx context.Context) ([]byte, error) {
	bin, err := PostgresBin()
	if err != nil {
		return nil, err
	}
	l := newLayer()
	l.folder("/tmp", 0o1777, 0)
	l.folder("/root", 0o700, 0)
	l.folder("/var/lib/postgresql", 0o755, postgresUser)
	l.folder("/var/lib/postgresql/data", 0o700, postgresUser)
	l.folder("/run/postgresql", 0o1777, postgresUser)
	l.link("/var/run", "/run")
	// Debian keeps /bin and the like as links into /usr.
	for _, name := range []string{"bin", "sbin", "lib", "lib64"} {
		l.folder("/usr/"+name, 0o755, 0)
		l.link("/"+name, "usr/"+name)
	}
	l.text("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\npostgres:x:999:999::/var/lib/postgresql:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n")
	l.text("/etc/group", "root:x:0:\npostgres:x:999:\nnogroup:x:65534:\n")
	l.text("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")

	programs, err := debianPrograms(l, bin)
	if err != nil {
		return nil, err
	}
	share := filepath.Join("/usr/share/postgresql", filepath.Base(filepath.Dir(bin)))
	for _, dir := range []string{share, "/usr/lib/locale/C.utf8", "/usr/share/zoneinfo/Etc"} {
		if err := copyTree(l, dir); err != nil {
			return nil, err
		}
	}
	if err := l.copy("/usr/share/zoneinfo/UTC", "/usr/share/zoneinfo/UTC"); err != nil {
		return nil, err
	}
	libraries, err := sharedLibraries(ctx, programs)
	if err != nil {
		return nil, err
	}
	for _, library := range libraries {
		if err := l.copy(inUsr(library), library); err != nil {
			return nil, err
		}
	}
	return l.tar()
}

// debianPrograms adds the programs and PostgreSQL's modules, and returns
// their paths on this machine.
func debianPrograms(l *layer, bin string) ([]string, error) {
	var programs []string
	for _, tool := range tools {
		path, err := exec.LookPath(tool)
		if err != nil {
			continue // a minimal machine may lack it; so does the image, then
		}
		programs = append(programs, path)
		if err := l.copy("/usr/bin/"+tool, path); err != nil {
			return nil, err
		}
	}
	modules, err := filepath.Glob(filepath.Join(filepath.Dir(bin), "lib", "*.so"))
	if err != nil {
		return nil, err
	}
	servers, err := filepath.Glob(filepath.Join(bin, "*"))
	if err != nil {
		return nil, err
	}
	for _, path := range append(servers, modules...) {
		// Just-in-time compilation would bring in the whole of LLVM.
		if strings.Contains(filepath.Base(path), "llvmjit") {
			continue
		}
		programs = append(programs, path)
		if err := l.copy(path, path); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

func copyTree(l *layer, root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("copy into the image: %w", err)
		}
		if d.IsDir() {
			return nil
		}
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			return nil // a link to nowhere, or to a folder
		}
		return l.copy(path, path)
	})
}

// inUsr is the path of a library with the image's links resolved: a layer
// that replaced a link by a folder would hide what else is behind the link.
func inUsr(path string) string {
	if strings.HasPrefix(path, "/lib") {
		return "/usr" + path
	}
	return path
}
