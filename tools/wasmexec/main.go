// Command wasmexec runs a Go program for js/wasm in a worker in Chromium. It
// instantiates the program as the demo does, with the SIMD kernels:
//
//	go build -o build/bin/wasmexec ./tools/wasmexec
//	GOOS=js GOARCH=wasm go test -exec "$PWD/build/bin/wasmexec" ./wasm/simd
//
// The program gets the command's arguments, environment, output and current
// folder, and can read files. The environment variable CHROMIUM names a browser to
// use instead of the one on PATH. If GPU is set, WebGPU uses the graphics card.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
)

//go:embed worker.js
var worker []byte

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: wasmexec PROGRAM.wasm [ARGUMENT...]")
		os.Exit(2)
	}
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "wasmexec:", err)
		code = 2
	}
	os.Exit(code)
}

// run runs a program with its arguments and returns its exit code.
func run(args []string) (int, error) {
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return 0, fmt.Errorf("go env GOROOT: %w", err)
	}
	root, err := moduleRoot()
	if err != nil {
		return 0, err
	}
	folder, err := os.Getwd()
	if err != nil {
		return 0, err
	}

	exited := make(chan int, 1)
	mux := http.NewServeMux()
	serveFile := func(path, name string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, name) })
	}
	serveFile("/program.wasm", args[0])
	serveFile("/wasm_exec.js", filepath.Join(strings.TrimSpace(string(goRoot)), "lib", "wasm", "wasm_exec.js"))
	for _, name := range []string{"program.js", "webgpu.js"} {
		serveFile("/"+name, filepath.Join(root, "web", "static", name))
	}
	mux.HandleFunc("GET /worker.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		w.Write(worker)
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `<!DOCTYPE html><link rel="icon" href="data:,"><script>new Worker("worker.js")</script>`)
	})
	mux.HandleFunc("GET /program", func(w http.ResponseWriter, _ *http.Request) {
		env := map[string]string{}
		for _, variable := range os.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			env[name] = value
		}
		json.NewEncoder(w).Encode(map[string]any{"args": args, "env": env, "folder": folder})
	})
	mux.HandleFunc("POST /output", func(w http.ResponseWriter, r *http.Request) {
		output := os.Stdout
		if r.URL.Query().Get("descriptor") == "2" {
			output = os.Stderr
		}
		io.Copy(output, r.Body)
	})
	mux.HandleFunc("POST /exit", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.URL.Query().Get("code"))
		if err != nil {
			code = 2
		}
		select {
		case exited <- code:
		default:
		}
	})
	mux.HandleFunc("GET /stat", answer(func(name string) (any, error) {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		return map[string]any{"dir": info.IsDir(), "size": info.Size(), "modified": info.ModTime().UnixMilli()}, nil
	}))
	mux.HandleFunc("GET /list", answer(func(name string) (any, error) {
		entries, err := os.ReadDir(name)
		names := make([]string, len(entries))
		for i, entry := range entries {
			names[i] = entry.Name()
		}
		return names, err
	}))
	mux.HandleFunc("GET /content", answer(func(name string) (any, error) { return os.ReadFile(name) }))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	go http.Serve(listener, mux)
	return browse(fmt.Sprintf("http://%s/", listener.Addr()), exited)
}

// answer returns a handler that sends the result of look for the file in the
// query: bytes as they are, other values as JSON.
func answer(look func(name string) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		value, err := look(r.URL.Query().Get("name"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			if bytes, ok := value.([]byte); ok {
				w.Write(bytes)
			} else {
				json.NewEncoder(w).Encode(value)
			}
		}
	}
}

// browse opens the page in Chromium and waits for the program's exit code.
func browse(url string, exited <-chan int) (int, error) {
	path, err := findChromium()
	if err != nil {
		return 0, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("enable-unsafe-webgpu", true),
	)
	options = append(options, graphics()...)
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with a sandbox
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	defer stop()
	ctx, cancel := chromedp.NewContext(allocator)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		return 0, fmt.Errorf("starting %s: %w", path, err)
	}
	select {
	case code := <-exited:
		return code, nil
	case <-ctx.Done():
		return 0, fmt.Errorf("%s ended before the program", path)
	}
}

// graphics returns Chromium's options for WebGPU: on the graphics card if the environment
// variable GPU is set, else imitated by SwiftShader.
func graphics() []chromedp.ExecAllocatorOption {
	if os.Getenv("GPU") == "" {
		return []chromedp.ExecAllocatorOption{chromedp.Flag("disable-gpu", true), chromedp.Flag("use-webgpu-adapter", "swiftshader")}
	}
	return []chromedp.ExecAllocatorOption{
		chromedp.Flag("use-angle", "vulkan"),
		chromedp.Flag("use-vulkan", "native"),
		chromedp.Flag("enable-features", "Vulkan"),
		chromedp.Flag("disable-vulkan-surface", true),
		chromedp.Flag("ignore-gpu-blocklist", true),
	}
}

func findChromium() (string, error) {
	names := []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"}
	if name := os.Getenv("CHROMIUM"); name != "" {
		names = []string{name}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no Chromium: none of %s on PATH; install one, or set CHROMIUM to its path", strings.Join(names, ", "))
}

// moduleRoot returns the folder with go.mod: the current folder or one above it.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("no go.mod in the current folder or above it")
		}
		folder = parent
	}
}
