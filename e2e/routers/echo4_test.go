package routers_test

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

// measureEcho4 is called before other middlewares are added.
func measureEcho4(api *meters.API, e *echo.Echo) http.Handler {
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Request().Pattern = c.Path()
			return next(c)
		}
	})
	return httpmw.New(api)(e)
}

func newEcho4(api *meters.API) http.Handler {
	e := echo.New()
	handler := measureEcho4(api, e)
	group := e.Group("/api/v2", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.SetRequest(c.Request().WithContext(c.Request().Context()))
			if unauthorized(c.Request()) {
				return echo.ErrUnauthorized
			}
			return next(c)
		}
	})
	group.GET("/users/:user", echo.WrapHandler(http.HandlerFunc(ok)))
	group.GET("/watch", echo.WrapHandler(http.HandlerFunc(watch)))
	e.GET("/hello", echo.WrapHandler(http.HandlerFunc(ok)))
	return handler
}
