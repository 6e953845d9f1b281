package files

import (
	"archive/tar"
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// A merge that cannot be done changes nothing.
func TestUnpackMergeRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		path  string
		files map[string]string
		want  code
	}{
		"a directory over a file":    {"d", map[string]string{"a": "new", "f/x": "new"}, notDirectory},
		"a directory over a symlink": {"d", map[string]string{"a": "new", "link/x": "new"}, notDirectory},
		"a file over a directory":    {"d", map[string]string{"a": "new", "sub": "new"}, isDirectory},
		"over a file":                {"d/f", map[string]string{"a": "new"}, notDirectory},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.tree(map[string]string{"d/a": "old", "d/f": "old", "d/sub/x": "old", "d/link": "-> ../out", "out/x": "old"})
			// In whatever order they come, some are before the one that cannot be.
			for i := range 20 {
				c.files[fmt.Sprint("new", i)] = "new"
			}
			if _, got := h.give(kindUnpack, request{path: c.path, conflict: conflictMerge}, archive(t, c.files)); got != c.want {
				t.Fatal(got)
			}
			for _, one := range []string{"d/a", "d/f", "d/sub/x", "out/x"} {
				h.has(one, "old")
			}
			if h.names("d") != "a f link sub" || h.names(".") != "d out" {
				t.Fatalf("%s; %s", h.names("d"), h.names("."))
			}
		})
	}
}

func TestUnpackRefusals(t *testing.T) {
	headers := func(list ...tar.Header) []byte {
		return archiveOf(t, list, func(h tar.Header) string { return strings.Repeat("x", int(h.Size)) })
	}
	file := func(name string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}
	}
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
	}
	whole := headers(file("a"), file("b"))
	for name, c := range map[string]struct {
		data []byte
		want code
	}{
		"absolute":                 {headers(file("/a")), badArchivePath},
		"upwards":                  {headers(file("a/../../b")), badArchivePath},
		"upwards but inside":       {headers(file("a/../b")), badArchivePath},
		"dots":                     {headers(tar.Header{Name: "..", Typeflag: tar.TypeDir}), badArchivePath},
		"through a symlink":        {headers(link("l", "d"), file("d/x"), file("l/y")), badArchivePath},
		"through a symlink above":  {headers(file("d/z/x"), link("l", "d"), file("l/z/y")), badArchivePath},
		"a directory on a symlink": {headers(file("d/x"), link("l", "d"), tar.Header{Name: "l/", Typeflag: tar.TypeDir}), badArchivePath},
		"through a file":           {headers(file("a"), file("a/b")), badArchivePath},
		"a file on a directory":    {headers(file("a/b"), file("a")), badArchiveEntry},
		"no name":                  {headers(file("./.")), badArchivePath},
		"link upwards":             {headers(link("l", "../x")), badArchiveLink},
		"link upwards from below":  {headers(link("d/l", "../../x")), badArchiveLink},
		"link down and up":         {headers(link("d/l", "x/../../y")), badArchiveLink},
		"link down and up inside":  {headers(link("d/l", "x/../y")), badArchiveLink},
		"absolute link":            {headers(link("l", "/etc/passwd")), badArchiveLink},
		"hard link":                {headers(file("a"), tar.Header{Name: "h", Linkname: "a", Typeflag: tar.TypeLink}), badArchiveEntry},
		"fifo":                     {headers(tar.Header{Name: "p", Typeflag: tar.TypeFifo}), badArchiveEntry},
		"device":                   {headers(tar.Header{Name: "p", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}), badArchiveEntry},
		"no archive":               {bytes.Repeat([]byte("no archive"), 200), badArchiveEntry},
		"cut in a header":          {whole[:1024+200], badArchiveEntry},
		"cut in a file":            {headers(tar.Header{Name: "f", Size: 5000, Typeflag: tar.TypeReg})[:3000], badArchiveEntry},
	} {
		for _, conflict := range []uint8{conflictMerge, conflictReplace, conflictError} {
			t.Run(fmt.Sprint(name, " ", conflict), func(t *testing.T) {
				h := newHost(t)
				if conflict != conflictError {
					h.tree(map[string]string{"t/keep": "x"})
				}
				if _, got := h.give(kindUnpack, request{path: "t", conflict: conflict}, c.data); got != c.want {
					t.Fatalf("refusal %d, want %d", got, c.want)
				}
				want := "t"
				if conflict == conflictError {
					want = ""
				} else if h.names("t") != "keep" {
					t.Fatal(h.names("t"))
				}
				if h.names(".") != want {
					t.Fatal(h.names("."))
				}
			})
		}
	}
}
