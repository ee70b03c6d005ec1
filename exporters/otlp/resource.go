package otlp

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otelcoder/otelcoder/instrument"
)

// resources holds the OTLP resources by the group of the reader.
type resources map[instrument.Group]*resource.Resource

// newResources returns the resources of both groups from OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES and given, which overrides them and may be nil. The resources
// are valid even with an error, which names ignored variables.
func newResources(ctx context.Context, given *resource.Resource, deploymentID string) (resources, error) {
	environment, envErr := resource.New(ctx, resource.WithFromEnv())
	service := semconv.ServiceName("coder")
	deployment, deploymentErr := resource.New(ctx,
		resource.WithAttributes(service),
		resource.WithAttributes(shared(environment)...),
		resource.WithAttributes(shared(given)...),
		resource.WithAttributes(semconv.ServiceInstanceID(deploymentID)),
	)
	replica, replicaErr := resource.New(ctx,
		resource.WithHost(),
		resource.WithAttributes(service, semconv.ServiceInstanceID(uuid.NewString())),
		resource.WithAttributes(environment.Attributes()...),
		resource.WithAttributes(given.Attributes()...),
	)
	return resources{instrument.Deployment: deployment, instrument.Process: replica},
		errors.Join(envErr, deploymentErr, replicaErr)
}

// ofOneReplica lists the prefixes of attributes that differ between replicas. In the
// resource of the deployment they would start new series in a backend whenever another
// replica takes over.
var ofOneReplica = []string{
	"service.instance.", "host.", "os.", "process.", "container.",
	"k8s.pod.", "k8s.container.", "k8s.node.", "k8s.replicaset.", "cloud.availability_zone",
}

// shared returns the attributes that are the same on all replicas.
func shared(r *resource.Resource) []attribute.KeyValue {
	return slices.DeleteFunc(r.Attributes(), func(a attribute.KeyValue) bool {
		return slices.ContainsFunc(ofOneReplica, func(prefix string) bool {
			return strings.HasPrefix(string(a.Key), prefix)
		})
	})
}
