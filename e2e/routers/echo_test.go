package routers_test

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"github.com/otelcoder/otelcoder/httpmw"
	"github.com/otelcoder/otelcoder/meters"
)

func measureEcho(api *meters.API, e *echo.Echo) http.Handler {
	return httpmw.New(api)(e)
}

func newEcho(api *meters.API) http.Handler {
	e := echo.New()
	group := e.Group("/api/v2", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error {
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
	return measureEcho(api, e)
}
