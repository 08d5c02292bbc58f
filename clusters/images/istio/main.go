// Command istio-charts prints a chart of the Istio module, rendered with a file of values.
//
//	istio-charts istio-control/istio-discovery values.yaml    the control plane
//	istio-charts base                                         its CustomResourceDefinitions
//
// The charts are part of the module and therefore of the same version as istiod; go.sum checks them.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	"istio.io/istio/manifests"
	"sigs.k8s.io/yaml"
)

const (
	namespace  = "istio-system"
	kubernetes = "v1.36.3" // the version that charts ask for; it is that of podlab's own node image
)

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fmt.Fprintln(os.Stderr, "usage: istio-charts CHART [VALUES.yaml]")
		os.Exit(2)
	}
	text, err := render(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "istio-charts: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
	fmt.Print(text)
}

// render returns the objects of a chart as one YAML stream, ordered by the names of its files.
func render(name string, files []string) (string, error) {
	loaded, err := load("charts/" + name)
	if err != nil {
		return "", err
	}
	values, err := read(files)
	if err != nil {
		return "", err
	}
	able := *common.DefaultCapabilities
	version, err := common.ParseKubeVersion(kubernetes)
	if err != nil {
		return "", err
	}
	able.KubeVersion = *version
	release := common.ReleaseOptions{Name: "istio", Namespace: namespace, IsInstall: true}
	all, err := util.ToRenderValues(loaded, values, release, &able)
	if err != nil {
		return "", err
	}
	rendered, err := engine.Render(loaded, all)
	if err != nil {
		return "", err
	}
	return join(rendered), nil
}

// read returns the values of a file; none without one.
func read(files []string) (map[string]any, error) {
	values := map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := yaml.Unmarshal(text, &values); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// load reads a chart from the files that the module embeds.
func load(root string) (*chart.Chart, error) {
	var files []*archive.BufferedFile
	err := fs.WalkDir(manifests.FS, root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := manifests.FS.ReadFile(path)
		files = append(files, &archive.BufferedFile{Name: strings.TrimPrefix(path, root+"/"), Data: data})
		return err
	})
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(files)
}

// join puts the rendered YAML files into one stream and leaves out the empty ones and the notes.
func join(rendered map[string]string) string {
	var names []string
	for name := range rendered {
		if strings.HasSuffix(name, ".yaml") {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	var out strings.Builder
	for _, name := range names {
		if text := strings.TrimSpace(rendered[name]); text != "" {
			fmt.Fprintf(&out, "---\n# %s\n%s\n", name, text)
		}
	}
	return out.String()
}
