// Prints, for a JSON list of v1 Pods on standard input, the cells of READY, STATUS and RESTARTS that the API server
// of this release makes of each.
package main

import (
	"encoding/json"
	"os"

	v1 "k8s.io/api/core/v1"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/printers"
	"k8s.io/kubernetes/pkg/printers/internalversion"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	var pods []v1.Pod
	check(json.NewDecoder(os.Stdin).Decode(&pods))
	generator := printers.NewTableGenerator().With(internalversion.AddHandlers)
	rows := [][]interface{}{}
	for i := range pods {
		var internal core.Pod
		check(corev1.Convert_v1_Pod_To_core_Pod(&pods[i], &internal, nil))
		table, err := generator.GenerateTable(&internal, printers.GenerateOptions{})
		check(err)
		rows = append(rows, table.Rows[0].Cells[1:4])
	}
	check(json.NewEncoder(os.Stdout).Encode(rows))
}
