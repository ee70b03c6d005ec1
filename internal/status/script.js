"use strict";
(() => {
	const every = 5000; // ms between two refreshes
	const root = document.documentElement;
	root.classList.add("scripted");

	// The theme is the system's until the button is used.
	const store = {
		get() { try { return localStorage.getItem("otelcoder-theme"); } catch { return null; } },
		set(theme) { try { localStorage.setItem("otelcoder-theme", theme); } catch { /* not kept */ } },
	};
	const theme = (name) => { if (name === "light" || name === "dark") root.dataset.theme = name; };
	theme(store.get());
	const toggle = () => {
		const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
		theme(dark ? "light" : "dark");
		store.set(root.dataset.theme);
	};

	// tint marks what changed, once.
	const still = matchMedia("(prefers-reduced-motion: reduce)");
	const tint = (element) => {
		if (!element || still.matches || element.closest("time, svg, footer, pre, .what")) return;
		element.animate([{ backgroundColor: "color-mix(in srgb, var(--accent) 30%, transparent)" }, { backgroundColor: "transparent" }], { duration: 1200, easing: "ease-out" });
	};

	// update makes a node like another one, and leaves alone what is the same: the
	// focus, the selection and the place of scrolling stay.
	const key = (node) => node.nodeType === 1 ? node.id || node.dataset.key || "" : "";
	const update = (old, fresh) => {
		if (old.isEqualNode(fresh)) return;
		if (old.nodeName !== fresh.nodeName || key(old) !== key(fresh)) {
			old.replaceWith(fresh);
			return;
		}
		if (old.nodeType !== 1) {
			if (old.data !== fresh.data) {
				old.data = fresh.data;
				tint(old.parentElement);
			}
			return;
		}
		if (old.hasAttribute("data-keep")) return;
		for (const { name } of [...old.attributes]) {
			if (!fresh.hasAttribute(name) && name !== "hidden") old.removeAttribute(name);
		}
		for (const { name, value } of fresh.attributes) {
			if (old.getAttribute(name) !== value) old.setAttribute(name, value);
		}
		const byKey = new Map();
		for (const child of old.children) if (key(child)) byKey.set(key(child), child);
		let at = old.firstChild;
		for (const child of [...fresh.childNodes]) {
			const match = key(child) ? byKey.get(key(child)) : at && !key(at) ? at : null;
			if (!match) { old.insertBefore(child, at); continue; }
			if (match === at) at = at.nextSibling;
			else old.insertBefore(match, at);
			update(match, child);
		}
		while (at) { const next = at.nextSibling; at.remove(); at = next; }
	};

	const refresh = async () => {
		const response = await fetch(location.href, { cache: "no-store", headers: { Accept: "text/html,application/xhtml+xml" }, signal: AbortSignal.timeout(10000) });
		if (!response.ok) throw new Error("status " + response.status);
		const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
		if (!fresh.getElementById("headline")) throw new Error("not the page");
		const before = document.getElementById("headline").dataset.state;
		document.title = fresh.title;
		update(document.getElementById("facts"), fresh.getElementById("facts"));
		update(document.querySelector("main"), fresh.querySelector("main"));
		update(document.getElementById("foot"), fresh.getElementById("foot"));
		const icon = document.querySelector("link[rel=icon]"), freshIcon = fresh.querySelector("link[rel=icon]");
		if (icon.href !== freshIcon.href) icon.replaceWith(freshIcon);
		const headline = document.getElementById("headline");
		if (headline.dataset.state !== before) document.getElementById("announcement").textContent = headline.querySelector(".what").textContent;
		search();
	};

	// search shows the families that match.
	const search = () => {
		const input = document.getElementById("search");
		if (!input) return;
		const words = input.value.toLowerCase().split(/\s+/), which = document.getElementById("which").value;
		let shown = 0;
		const rows = document.querySelectorAll("#families tbody tr");
		for (const row of rows) {
			const text = row.textContent.toLowerCase();
			row.hidden = !words.every((word) => text.includes(word)) ||
				(which === "series" ? row.lastElementChild.textContent === "0" : which !== "" && row.dataset.group !== which);
			if (!row.hidden) shown++;
		}
		document.getElementById("found").textContent = shown < rows.length ? shown + " of " + rows.length : "";
	};

	const copy = async (button) => {
		const text = button.dataset.copy;
		try {
			await navigator.clipboard.writeText(text);
		} catch { // not over HTTPS
			const area = document.createElement("textarea");
			area.value = text;
			area.className = "unseen";
			button.after(area);
			area.select();
			document.execCommand("copy");
			area.remove();
			button.focus();
		}
		const label = button.textContent;
		if (label === "Copied") return;
		button.textContent = "Copied";
		setTimeout(() => { button.textContent = label; }, 1500);
	};

	document.addEventListener("DOMContentLoaded", () => {
		document.getElementById("theme").addEventListener("click", toggle);
		document.addEventListener("input", (event) => { if (event.target.closest(".filters")) search(); });
		document.addEventListener("click", (event) => {
			const button = event.target.closest("button[data-copy]");
			if (button) copy(button);
		});
		document.addEventListener("keydown", (event) => {
			const input = document.getElementById("search");
			if (event.key !== "/" || !input || event.target.closest("input, select, textarea")) return;
			event.preventDefault();
			input.focus();
		});
		search();

		const live = document.getElementById("live"), freshness = document.getElementById("freshness");
		let last = new Date(), timer, busy = false;
		const next = async () => {
			clearTimeout(timer);
			if (document.hidden || busy) return;
			busy = true;
			try {
				await refresh();
				last = new Date();
				live.classList.remove("lost");
				root.classList.remove("stale");
				freshness.textContent = "every 5 s";
			} catch {
				live.classList.add("lost");
				root.classList.add("stale");
				freshness.textContent = "no answer since " + last.toLocaleTimeString();
			}
			busy = false;
			timer = setTimeout(next, every);
		};
		timer = setTimeout(next, every);
		document.addEventListener("visibilitychange", () => { if (!document.hidden) next(); });
	});
})();
