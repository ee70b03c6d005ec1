"use strict";
(() => {
	const root = document.documentElement, $ = (id) => document.getElementById(id);
	root.classList.add("scripted");

	// show replaces the parts of the page that have changed, and keeps the focus and
	// the terminal.
	const show = async (response) => {
		const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
		const focused = document.activeElement.id;
		for (const part of document.querySelectorAll("[data-live]")) {
			const now = fresh.getElementById(part.id);
			part.className = now.className;
			if (part.innerHTML !== now.innerHTML) part.replaceChildren(...now.childNodes);
		}
		if (focused) $(focused)?.focus();
		root.classList.remove("lost");
	};
	const load = (url, options) => fetch(url, options).then(show).catch(() => root.classList.add("lost"));
	setInterval(() => document.hidden || load("/"), 2000);

	// A terminal is a websocket that stays open until it is closed, or the page is.
	let socket;
	const print = (text) => {
		$("terminal-output").textContent += text + "\n";
		$("terminal-output").scrollTop = $("terminal-output").scrollHeight;
	};
	const open = (agent) => {
		socket?.close();
		$("terminal").hidden = false;
		$("terminal-output").textContent = "";
		const opened = socket = new WebSocket(location.origin.replace("http", "ws") + "/api/v2/workspaceagents/" + agent + "/pty");
		const state = (text) => { if (socket === opened) $("terminal-state").textContent = agent + ": " + text; };
		state("connecting");
		opened.onopen = () => state("one open websocket");
		opened.onclose = () => state("no websocket");
		opened.onmessage = ({ data }) => print(data);
		$("terminal-input").focus();
	};

	document.addEventListener("click", ({ target }) => {
		if (target.dataset.agent) open(target.dataset.agent);
		if (target.id === "terminal-close") socket.close();
	});
	document.addEventListener("submit", (event) => {
		event.preventDefault();
		if (event.target.id !== "terminal-form") {
			load(event.target.action, { method: "POST" });
		} else if (socket.readyState === WebSocket.OPEN) {
			socket.send($("terminal-input").value);
			$("terminal-input").value = "";
		}
	});
})();
