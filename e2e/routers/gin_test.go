package routers_test

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// measureGin is called before routes and other middlewares are added.
func measureGin(api *meters.API, engine *gin.Engine) http.Handler {
	engine.Use(func(c *gin.Context) { c.Request.Pattern = c.FullPath() })
	return httpmw.New(api)(engine)
}

func newGin(api *meters.API) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	handler := measureGin(api, engine)
	group := engine.Group("/api/v2", func(c *gin.Context) {
		// Replace the request, as tracing middlewares do.
		c.Request = c.Request.WithContext(c.Request.Context())
		if unauthorized(c.Request) {
			c.AbortWithStatus(http.StatusUnauthorized)
		}
	})
	group.GET("/users/:user", gin.WrapF(ok))
	group.GET("/watch", gin.WrapF(watch))
	engine.GET("/hello", gin.WrapF(ok))
	return handler
}
