// Prints, for a JSON list of v1 Pods on standard input, what the API server of this release does with each: the fields
// that it refuses at a create, else the Pod that it would store, and the cell of STATUS that it prints for it.
package main

import (
	"encoding/json"
	"os"

	v1 "k8s.io/api/core/v1"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	corev1 "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/printers"
	"k8s.io/kubernetes/pkg/printers/internalversion"
)

type answer struct {
	Refused []string `json:"refused"`
	Stored  v1.Pod   `json:"stored"`
	Status  string   `json:"status"`
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The steps are those of podStrategy in pkg/registry/core/pod/strategy.go: defaults, PrepareForCreate, Validate.
func answerTo(pod v1.Pod, generator *printers.HumanReadableGenerator) (found answer) {
	corev1.SetObjectDefaults_Pod(&pod)
	var internal core.Pod
	check(corev1.Convert_v1_Pod_To_core_Pod(&pod, &internal, nil))
	table, err := generator.GenerateTable(&internal, printers.GenerateOptions{})
	check(err)
	found.Status = table.Rows[0].Cells[2].(string)
	podutil.DropDisabledPodFields(&internal, nil)
	options := podutil.GetValidationOptionsFromPodSpecAndMeta(&internal.Spec, nil, &internal.ObjectMeta, nil)
	options.ResourceIsPod = true
	for _, each := range validation.ValidatePodCreate(&internal, options) {
		found.Refused = append(found.Refused, each.Field)
	}
	check(corev1.Convert_core_Pod_To_v1_Pod(&internal, &found.Stored, nil))
	return found
}

func main() {
	var pods []v1.Pod
	check(json.NewDecoder(os.Stdin).Decode(&pods))
	generator := printers.NewTableGenerator().With(internalversion.AddHandlers)
	answers := []answer{}
	for i := range pods {
		answers = append(answers, answerTo(pods[i], generator))
	}
	check(json.NewEncoder(os.Stdout).Encode(answers))
}
