package plots

import (
	"os"
	"raftzab/results"
	"slices"
	"testing"
)

func TestLook(t *testing.T) {
	d := synthetic(3000)
	d.Manifest.Cells = slices.DeleteFunc(d.Manifest.Cells, func(c results.Cell) bool { return c.Case != "loopback-3" })
	d.Trials = slices.DeleteFunc(d.Trials, func(c results.Trial) bool { return c.System == "zookeeper" })
	for _, f := range figures {
		p, _, _ := f.make(d)
		b, err := p.render("png")
		if err != nil {
			t.Fatal(err)
		}
		os.WriteFile("/tmp/plotlook/one-"+f.name+".png", b, 0o666)
	}
	d = synthetic(3000)
	d.Trials = slices.DeleteFunc(d.Trials, func(c results.Trial) bool { return c.System == "zookeeper" || c.System == "etcd" && c.Trial > 50 })
	p, _, _ := electionLatency(d)
	b, _ := p.render("pdf")
	os.WriteFile("/tmp/plotlook/missing.pdf", b, 0o666)
}
