package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/otelcoder/otelcoder/internal/logged"
	"github.com/otelcoder/otelcoder/internal/status/statustest"
)

// openTerminal returns both ends of a pseudo-terminal: the keyboard and screen, and the
// terminal for a program's standard input.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	var number, unlock int32
	raw, err := screen.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for request, argument := range map[uintptr]*int32{syscall.TIOCGPTN: &number, syscall.TIOCSPTLCK: &unlock} {
		var failed syscall.Errno
		raw.Control(func(fd uintptr) {
			_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(argument)))
		})
		if failed != 0 {
			t.Fatal(failed)
		}
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return screen, terminal
}

// startInTerminal starts "otelcoder setup" in a terminal, and waits for its prompt.
// The log contains the text on the screen.
func startInTerminal(t *testing.T, args ...string) (command *exec.Cmd, keyboard, terminal *os.File, log *logged.Log) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	screen, terminal := openTerminal(t)
	command = exec.Command(path, append([]string{"setup"}, args...)...)
	command.Env = append(os.Environ(), asProgram+"=1", "OTELCODER_OWNER_URL=")
	command.Stdin, command.Stdout, command.Stderr = terminal, terminal, terminal
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	log = shows(t, screen, command)
	logs(t, log, `\(not shown\): `)
	// The prompt appears before the terminal stops echoing.
	for deadline := time.Now().Add(time.Minute); echoes(t, terminal); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the terminal still echoes after a minute")
		}
	}
	return command, screen, terminal, log
}

// shows starts a command and captures the screen. The command is killed when the test
// ends, or after a minute.
func shows(t *testing.T, screen *os.File, command *exec.Cmd) *logged.Log {
	t.Helper()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	log := new(logged.Log)
	shown := make(chan struct{})
	go func() {
		defer close(shown)
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			log.Write(buffer[:n])
			if err != nil {
				return
			}
		}
	}()
	kill := time.AfterFunc(time.Minute, func() { command.Process.Kill() }) // a hanging command
	t.Cleanup(func() {
		kill.Stop()
		command.Process.Kill()
		screen.Close()
		<-shown
	})
	return log
}

func echoes(t *testing.T, terminal *os.File) bool {
	t.Helper()
	raw, err := terminal.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var state syscall.Termios
	var failed syscall.Errno
	raw.Control(func(fd uintptr) {
		_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TCGETS, uintptr(unsafe.Pointer(&state)))
	})
	if failed != 0 {
		t.Fatal(failed)
	}
	return state.Lflag&syscall.ECHO != 0
}

// TestSetupPrompt checks that setup prompts for the URL in a terminal, which does not echo
// it.
func TestSetupPrompt(t *testing.T) {
	t.Parallel()
	db, owner := owned(t, "CREATEROLE")
	command, keyboard, terminal, log := startInTerminal(t, "--role", newRole(t, db))
	fmt.Fprintln(keyboard, owner)
	if err := command.Wait(); err != nil {
		t.Errorf("ended with %v", err)
	}
	logs(t, log, `Checked as `)
	if found := password.FindString(log.String()); found != "" || !echoes(t, terminal) {
		t.Errorf("the terminal shows %q, and echoes afterwards: %t", found, echoes(t, terminal))
	}
}

// TestSetupPromptIsCanceled checks that Ctrl-C and SIGTERM end the prompt, and that the terminal
// then echoes again.
func TestSetupPromptIsCanceled(t *testing.T) {
	t.Parallel()
	for name, cancel := range map[string]func(*exec.Cmd, *os.File){
		"Ctrl-C":  func(_ *exec.Cmd, keyboard *os.File) { keyboard.WriteString("postgres://o:hunter2@h/d\x03") },
		"SIGTERM": func(c *exec.Cmd, _ *os.File) { c.Process.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			command, keyboard, terminal, log := startInTerminal(t)
			cancel(command, keyboard)
			if err := command.Wait(); err == nil || err.Error() != "exit status 1" {
				t.Errorf("ended with %v", err)
			}
			logs(t, log, `otelcoder: canceled: nothing has been changed`)
			if strings.Contains(log.String(), "hunter2") || !echoes(t, terminal) {
				t.Errorf("the screen shows\n%s\nand echoes afterwards: %t", log, echoes(t, terminal))
			}
		})
	}
}

// TestSetupPromptWithoutAnswer checks that an empty line at the prompt is an error.
func TestSetupPromptWithoutAnswer(t *testing.T) {
	t.Parallel()
	command, keyboard, _, log := startInTerminal(t)
	fmt.Fprintln(keyboard)
	if err := command.Wait(); err == nil || err.Error() != "exit status 2" {
		t.Errorf("ended with %v", err)
	}
	logs(t, log, `otelcoder: no owner's URL was given`)
}

// TestSetupWithoutTerminal checks that setup does not prompt without a terminal.
func TestSetupWithoutTerminal(t *testing.T) {
	t.Parallel()
	command, log := startProcess(t, []string{"OTELCODER_OWNER_URL= "}, "setup")
	if err := command.Wait(); err == nil || err.Error() != "exit status 2" {
		t.Errorf("ended with %v", err)
	}
	if want := "otelcoder: no owner's URL: set OTELCODER_OWNER_URL, or run this in a terminal\n"; log.String() != want {
		t.Errorf("got %q, want %q", log, want)
	}
}

// TestStatusColors checks that the output on a terminal is coloured, unless NO_COLOR is set or
// the terminal is dumb.
func TestStatusColors(t *testing.T) {
	t.Parallel()
	url := pageOf(t, "", statustest.Healthy())
	for setting, colors := range map[string]bool{"NO_COLOR=": true, "NO_COLOR=1": false, "TERM=dumb": false} {
		path, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		screen, terminal := openTerminal(t)
		command := exec.Command(path, "status", "--url", url)
		command.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", setting, asProgram+"=1")
		command.Stdout = terminal
		log := shows(t, screen, command)
		command.Wait()
		logs(t, log, "SCRAPES")
		if got := strings.Contains(log.String(), "\x1b[32m● Reporting"); got != colors {
			t.Errorf("%s: colours: %t, want %t, in\n%q", setting, got, colors, log)
		}
	}
}
