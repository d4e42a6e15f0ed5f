package raftzab_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cores are the packages that only decide, in the order in which they import
// each other: same calls, same outputs.
var cores = []string{"protocols", "raft", "zab"}

// pure are the packages of the standard library that a core may import. maps is
// none: what it iterates over has no order.
var pure = []string{"cmp", "container/heap", "encoding/binary", "errors", "fmt", "math", "math/bits", "math/rand/v2", "slices", "sort", "strconv", "strings"}

func TestCoresHaveNoClockNoGoroutineAndNoOrderByChance(t *testing.T) {
	l := newLoader()
	for _, core := range cores {
		files := map[string]string{}
		for _, name := range goFiles(t) {
			if path.Dir(name) == core && !strings.HasSuffix(name, "_test.go") {
				files[name] = string(read(t, name))
			}
		}
		wrong, err := l.impurities("raftzab/"+core, files)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wrong {
			t.Error(w)
		}
	}
}

func TestEachImpurityIsSeen(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{`a clock`, `import "time"; var T = time.Second`, `imports time`},
		{`a lock`, `import "sync"; var mu sync.Mutex`, `imports sync`},
		{`old randomness`, `import "math/rand"; var n = rand.Int()`, `imports math/rand`},
		{`memory`, `import "unsafe"; type p = unsafe.Pointer`, `imports unsafe`},
		{`another's code`, `import "github.com/spf13/cobra"; var c cobra.Command`, `imports github.com/spf13/cobra`},
		{`the runtime's randomness`, `import "math/rand/v2"; func f() int { return rand.IntN(3) }`, `draws from the generator that all share`},
		{`a goroutine`, `func f() { go f() }`, `go statement`},
		{`a channel`, `type c chan int`, `channel`},
		{`a select`, `func f() { select {} }`, `select`},
		{`a send`, `func f(c chan<- int) { c <- 1 }`, `channel`},
		{`the order of a map`, `func f(m map[int]int) { for range m {} }`, `ranges over a map`},
		{`the order of a named map`, `type set map[int]bool; func f(s set) { for k := range s { _ = k } }`, `ranges over a map`},
		{`the order of a map by way of a type parameter`, `func f[M ~map[int]int](m M) { for range m {} }`, `ranges over a map`},
		{`a state that all share`, `var n int; func f() { n++ }`, `changes n, which all share`},
		{`a table that all share`, `var a [3]struct{ x int }; func f() { a[1].x = 2 }`, `changes a, which all share`},
		{`nothing`, `import "math/rand/v2"; var a = []int{1}; func f(r *rand.Rand) int { n := 0; for _, x := range a { n += x }; return n + r.IntN(3) }`, ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			// What is not pure need not be found to be refused.
			wrong, _ := newLoader().impurities("x", map[string]string{"x.go": "package x\n" + c.body})
			got := strings.Join(wrong, "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// A loader type-checks the cores from their text, and the standard library from
// what the go command has compiled.
type loader struct {
	fset *token.FileSet
	std  types.Importer
	ours map[string]*types.Package
}

func newLoader() *loader {
	fset := token.NewFileSet()
	return &loader{fset, importer.ForCompiler(fset, "gc", nil), map[string]*types.Package{}}
}

func (l *loader) Import(p string) (*types.Package, error) {
	if pkg := l.ours[p]; pkg != nil {
		return pkg, nil
	}
	return l.std.Import(p)
}

// impurities tells what in a package could make the same calls give other
// outputs. The error is that of the type checker.
func (l *loader) impurities(name string, texts map[string]string) (wrong []string, err error) {
	var files []*ast.File
	for name, text := range texts {
		file, err := parser.ParseFile(l.fset, name, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	say := func(at ast.Node, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%v: %s", l.fset.Position(at.Pos()), fmt.Sprintf(format, args...)))
	}
	for _, file := range files {
		for _, spec := range file.Imports {
			if p, _ := strconv.Unquote(spec.Path.Value); !slices.Contains(pure, p) && l.ours[p] == nil {
				say(spec, "imports %s", p)
			}
		}
	}
	if len(wrong) > 0 {
		return wrong, nil
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Types: map[ast.Expr]types.TypeAndValue{}}
	pkg, err := (&types.Config{Importer: l}).Check(name, l.fset, files, info)
	if err != nil {
		return nil, err
	}
	l.ours[name] = pkg
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				say(n, "go statement")
			case *ast.SelectStmt:
				say(n, "select")
			case *ast.ChanType: // without one there is nothing to send to or to receive from
				say(n, "channel")
			case *ast.RangeStmt:
				if isMap(info.TypeOf(n.X)) {
					say(n, "ranges over a map")
				}
			case *ast.Ident:
				if f, ok := info.Uses[n].(*types.Func); ok && f.Pkg() != nil && f.Pkg().Path() == "math/rand/v2" &&
					f.Signature().Recv() == nil && !strings.HasPrefix(f.Name(), "New") {
					say(n, "rand.%s draws from the generator that all share", f.Name())
				}
			case *ast.AssignStmt:
				for _, x := range n.Lhs {
					if v := shared(info, x); v != nil {
						say(x, "changes %s, which all share", v.Name())
					}
				}
			case *ast.IncDecStmt:
				if v := shared(info, n.X); v != nil {
					say(n, "changes %s, which all share", v.Name())
				}
			}
			return true
		})
	}
	slices.Sort(wrong)
	return wrong, nil
}

func isMap(t types.Type) bool {
	if p, ok := t.(*types.TypeParam); ok {
		set := p.Constraint().Underlying().(*types.Interface)
		for i := range set.NumEmbeddeds() {
			if u, ok := set.EmbeddedType(i).(*types.Union); ok {
				for j := range u.Len() {
					if isMap(u.Term(j).Type()) {
						return true
					}
				}
			}
		}
		return false
	}
	_, ok := t.Underlying().(*types.Map)
	return ok
}

// shared returns the variable of a package that x is or is a part of, if it is.
func shared(info *types.Info, x ast.Expr) *types.Var {
	for {
		switch y := x.(type) {
		case *ast.IndexExpr:
			x = y.X
		case *ast.SelectorExpr:
			if v, ok := info.Uses[y.Sel].(*types.Var); ok && !v.IsField() {
				return v // of another package
			}
			x = y.X
		case *ast.StarExpr:
			x = y.X
		case *ast.ParenExpr:
			x = y.X
		case *ast.Ident:
			if v, ok := info.Uses[y].(*types.Var); ok && v.Pkg() != nil && v.Parent() == v.Pkg().Scope() {
				return v
			}
			return nil
		default:
			return nil
		}
	}
}
