package main

import (
	"os"
	"strings"
	"testing"

	"raftzab/plots/report"
)

func TestReportWritesOnePageOfAllResults(t *testing.T) {
	smallFile(t, judging)
	held(t, "run", "small.toml", "--out", "out")
	if out := held(t, "report", "out", "--out", "pages"); out != "pages/report.html\npages/CLAIMS.md\n" {
		t.Errorf("it has printed %q", out)
	}
	page, err := os.ReadFile("pages/report.html")
	if err != nil {
		t.Fatal(err)
	}
	claims, err := os.ReadFile("pages/CLAIMS.md")
	if err != nil {
		t.Fatal(err)
	}
	if page, err = report.Unpacked(page); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{string(page): `id="small"`, string(claims): "| [R3](#r3) | **holds** |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

func TestReportWithoutResultsSaysWhatToDo(t *testing.T) {
	t.Chdir(t.TempDir())
	code, _, errs := raftzab("report")
	if want := "report: there is no */manifest.json in results; run a scenario first: make experiments\n"; code != exitUsage || errs != want {
		t.Errorf("exit code %d, %q; want %d, %q", code, errs, exitUsage, want)
	}
}
