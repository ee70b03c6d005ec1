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

// resources are the OTLP resources, by the group whose reader sends them.
type resources map[instrument.Group]*resource.Resource

// newResources makes both resources from what OTEL_SERVICE_NAME and
// OTEL_RESOURCE_ATTRIBUTES say, and what is given in code, which may be nil and beats
// them. An error tells which of the variables is left out; the resources are good all
// the same.
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

// ofOneReplica are the resource attributes that differ between replicas, by
// prefix. If the deployment's resource had one, a backend would begin every
// series of the deployment anew when another replica takes over.
var ofOneReplica = []string{
	"service.instance.", "host.", "os.", "process.", "container.",
	"k8s.pod.", "k8s.container.", "k8s.node.", "k8s.replicaset.", "cloud.availability_zone",
}

// shared returns the attributes of a resource that all replicas share.
func shared(r *resource.Resource) []attribute.KeyValue {
	return slices.DeleteFunc(r.Attributes(), func(a attribute.KeyValue) bool {
		return slices.ContainsFunc(ofOneReplica, func(prefix string) bool {
			return strings.HasPrefix(string(a.Key), prefix)
		})
	})
}
