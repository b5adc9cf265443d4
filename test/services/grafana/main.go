// Grafana's own Prometheus data source (its backend, module promlib), asked from the command line: what a Grafana would send and show, without its pages.
//
//	grafana-prometheus URL health
//	grafana-prometheus URL query EXPR FROM_MS TO_MS MAX_POINTS
//	grafana-prometheus URL resource PATH?QUERY
//
// Prints one JSON document.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	sdkhttpclient "github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/log"
	"github.com/grafana/grafana/pkg/promlib"
)

func main() {
	if len(os.Args) < 3 {
		fail(fmt.Errorf("usage: grafana-prometheus URL health | query EXPR FROM_MS TO_MS MAX_POINTS | resource PATH"))
	}
	settings := backend.DataSourceInstanceSettings{
		UID: "millrace", Type: "prometheus", Name: "Millrace", URL: os.Args[1],
		JSONData: []byte(`{"httpMethod": "` + method() + `", "timeInterval": "1s"}`),
	}
	plugin := backend.PluginContext{OrgID: 1, PluginID: "prometheus", DataSourceInstanceSettings: &settings}
	service := promlib.NewService(sdkhttpclient.NewProvider(), log.NewNullLogger(), nil)
	ctx := backend.WithGrafanaConfig(context.Background(), backend.NewGrafanaCfg(map[string]string{}))
	switch os.Args[2] {
	case "health":
		result, err := service.CheckHealth(ctx, &backend.CheckHealthRequest{PluginContext: plugin})
		if err != nil {
			fail(err)
		}
		show(map[string]any{"status": result.Status.String(), "message": result.Message})
	case "query":
		query(ctx, service, plugin, os.Args[3:])
	case "resource":
		resource(ctx, service, plugin, os.Args[3])
	}
}

// POST is what a new data source of Grafana has.
func method() string {
	if os.Getenv("GRAFANA_METHOD") != "" {
		return os.Getenv("GRAFANA_METHOD")
	}
	return "POST"
}

func query(ctx context.Context, service *promlib.Service, plugin backend.PluginContext, args []string) {
	from, to := millis(args[1]), millis(args[2])
	points, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		fail(err)
	}
	interval := to.Sub(from) / time.Duration(points)
	model, _ := json.Marshal(map[string]any{"expr": args[0], "range": true, "refId": "A", "intervalMs": interval.Milliseconds(), "maxDataPoints": points, "utcOffsetSec": 0})
	response, err := service.QueryData(ctx, &backend.QueryDataRequest{
		PluginContext: plugin,
		Queries:       []backend.DataQuery{{RefID: "A", JSON: model, TimeRange: backend.TimeRange{From: from, To: to}, Interval: interval, MaxDataPoints: points}},
	})
	if err != nil {
		fail(err)
	}
	answer := response.Responses["A"]
	if answer.Error != nil {
		show(map[string]any{"error": answer.Error.Error()})
		return
	}
	type series struct {
		Labels map[string]string `json:"labels"`
		Times  []int64           `json:"times"`
		Values []any             `json:"values"`
	}
	all := []series{}
	for _, frame := range answer.Frames {
		one := series{Times: []int64{}, Values: []any{}}
		for _, field := range frame.Fields {
			for i := 0; i < field.Len(); i++ {
				switch value := field.At(i).(type) {
				case time.Time:
					one.Times = append(one.Times, value.UnixMilli())
				default:
					one.Values = append(one.Values, value)
				}
			}
			if field.Labels != nil {
				one.Labels = field.Labels
			}
		}
		all = append(all, one)
	}
	show(map[string]any{"series": all})
}

type sender struct{ status int }

func (s *sender) Send(response *backend.CallResourceResponse) error {
	show(map[string]any{"status": response.Status, "body": json.RawMessage(response.Body)})
	return nil
}

func resource(ctx context.Context, service *promlib.Service, plugin backend.PluginContext, target string) {
	path, rawQuery, _ := strings.Cut(target, "?")
	if _, err := url.ParseQuery(rawQuery); err != nil {
		fail(err)
	}
	err := service.CallResource(ctx, &backend.CallResourceRequest{PluginContext: plugin, Path: path, Method: "GET", URL: target}, &sender{})
	if err != nil {
		fail(err)
	}
}

func millis(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		fail(err)
	}
	return time.UnixMilli(ms).UTC()
}

func show(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
