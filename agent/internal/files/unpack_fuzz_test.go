package files

import (
	"archive/tar"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzUnpack makes archives out of a few words, in any order and of any type, and looks whether anything outside of the
// target has changed.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x05\x03\x09\x10\x22\x31\x02"), uint8(0))
	f.Add([]byte("2\x0cL2\x0dF"), uint8(1))
	names := []string{
		"a", "b", "a/b", "b/a", "a/b/c", "../x", "/x", "a/../b", "./a", "a/", "b/", "..", ".nullspace/f", ".nullspace", "a/./b", "c", "c/a", "c/b/a", "",
		"sub", "sub/a", "out", "out/x",
	}
	targets := []string{"a", "b", "..", "../outside", "a/..", "a/../..", "../..", "/", ".", "a/b", "c", "../a", "b/../../outside", "../../outside", ".nullspace", "sub/.."}
	types := []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeFifo, tar.TypeXHeader}
	f.Fuzz(func(t *testing.T, plan []byte, conflict uint8) {
		dir := real(t, t.TempDir())
		for _, one := range []string{"workspace/.nullspace", "workspace/sub", "outside"} {
			if err := os.MkdirAll(filepath.Join(dir, one), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		os.WriteFile(dir+"/outside/x", []byte("old"), 0o644)
		os.WriteFile(dir+"/workspace/.nullspace/f", []byte("old"), 0o644)
		os.Symlink("../outside", dir+"/workspace/out")
		before := fingerprint(t, dir)
		s := newServer(-1, -1, dir, dir+"/workspace/.nullspace")
		s.paths.guard.look()
		p, err := s.paths.resolve("workspace", how{follow: true, make: true})
		if err != nil {
			t.Fatal(err)
		}
		defer p.close()
		tree, err := s.newTree(p, conflict%3)
		if err == nil {
			err = layPlan(t, tree, plan, names, targets, types)
			if err == nil {
				err = tree.publish()
			}
			tree.close()
		}
		if _, ok := err.(*refusal); err != nil && !ok {
			t.Fatalf("%v", err)
		}
		if after := fingerprint(t, dir); after != before {
			t.Fatalf("before:\n%s\nafter:\n%s", before, after)
		}
		os.RemoveAll(dir + "/workspace")
	})
}

func layPlan(t *testing.T, tree *tree, plan []byte, names, targets []string, types []byte) error {
	for len(plan) >= 3 {
		h := tar.Header{
			Name: names[int(plan[0])%len(names)], Linkname: targets[int(plan[1])%len(targets)], Typeflag: types[int(plan[2])%len(types)],
			Mode: int64(plan[2])<<4 | int64(plan[0]&15), Size: 3,
		}
		plan = plan[3:]
		if err := tree.member(&h, strings.NewReader("new")); err != nil {
			return err
		}
	}
	return nil
}

// fingerprint is of all that lies outside of the target, and of what is reserved in it.
func fingerprint(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		rel, _ := filepath.Rel(dir, path)
		if strings.HasPrefix(rel, "workspace/") && !strings.HasPrefix(rel, "workspace/.nullspace") {
			if err == nil && d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if err != nil {
			return err
		}
		text := ""
		if d.Type().IsRegular() {
			b, _ := os.ReadFile(path)
			text = string(b)
		}
		if rel != "workspace" {
			fmt.Fprintln(&out, rel, d.Type(), text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
