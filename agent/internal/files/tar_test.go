package files

import (
	"archive/tar"
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"time"
)

// members reads an archive.
func members(t *testing.T, b []byte) (out []tar.Header) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(b))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, *h)
	}
}

// archive makes one in the order of the names: a directory ends in a slash, "-> x" is a symlink.
func archive(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var list []string
	for name := range files {
		list = append(list, name)
	}
	slices.Sort(list)
	var headers []tar.Header
	for _, name := range list {
		h := tar.Header{Name: name, Mode: 0o644, Typeflag: tar.TypeReg}
		switch text := files[name]; {
		case strings.HasSuffix(name, "/"):
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		case strings.HasPrefix(text, "-> "):
			h.Typeflag, h.Linkname = tar.TypeSymlink, text[3:]
		default:
			h.Size = int64(len(text))
		}
		headers = append(headers, h)
	}
	return archiveOf(t, headers, func(h tar.Header) string { return files[h.Name] })
}

func archiveOf(t testing.TB, headers []tar.Header, text func(tar.Header) string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		h.Format = tar.FormatPAX
		if h.ModTime.IsZero() {
			h.ModTime = time.Unix(0, 0)
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, text(h)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
