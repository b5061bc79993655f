// promcheck reads the Prometheus text format from standard input with Prometheus' own parser and prints what it
// understood as JSON: an array of {name, type, labels, value | buckets, count, sum}.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

type series struct {
	Name    string            `json:"name"`
	Type    string            `json:"type"`
	Labels  map[string]string `json:"labels"`
	Value   *float64          `json:"value,omitempty"`
	Buckets map[string]uint64 `json:"buckets,omitempty"`
	Count   uint64            `json:"count,omitempty"`
	Sum     float64           `json:"sum,omitempty"`
}

func main() {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	all := []series{}
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			all = append(all, seriesOf(name, family.GetType(), metric))
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	if err := json.NewEncoder(os.Stdout).Encode(all); err != nil {
		os.Exit(1)
	}
}

func seriesOf(name string, kind dto.MetricType, metric *dto.Metric) series {
	s := series{Name: name, Type: kind.String(), Labels: map[string]string{}}
	for _, label := range metric.GetLabel() {
		s.Labels[label.GetName()] = label.GetValue()
	}
	switch kind {
	case dto.MetricType_COUNTER:
		value := metric.GetCounter().GetValue()
		s.Value = &value
	case dto.MetricType_GAUGE:
		value := metric.GetGauge().GetValue()
		s.Value = &value
	case dto.MetricType_HISTOGRAM:
		s.Buckets = map[string]uint64{}
		for _, bucket := range metric.GetHistogram().GetBucket() {
			s.Buckets[fmt.Sprint(bucket.GetUpperBound())] = bucket.GetCumulativeCount()
		}
		s.Count = metric.GetHistogram().GetSampleCount()
		s.Sum = metric.GetHistogram().GetSampleSum()
	}
	return s
}
