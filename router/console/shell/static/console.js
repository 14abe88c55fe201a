// What pages can do better with a script; everything works without it.
"use strict";

// “/” goes to the search box, unless somebody is writing.
document.addEventListener("keydown", (event) => {
  const box = document.getElementById("seek");
  const writing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? "");
  if (event.key === "/" && box && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    box.focus();
    box.select();
  }
  if (event.key === "Escape") {
    const open = document.querySelector("details.who[open]");
    if (open) {
      open.open = false;
      open.querySelector("summary").focus();
    }
  }
});

// The menu closes when somebody clicks elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.who[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// <input type="checkbox" data-every="name"> ticks every box of that name in its form.
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.every;
  if (!name || !event.target.form) return;
  for (const box of event.target.form.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(name)}"]`)) {
    box.checked = event.target.checked;
  }
});

// Where a row of links is wider than the window, the present one is in sight.
for (const link of document.querySelectorAll(".rail a[aria-current], .tabs a[aria-current]")) {
  const row = link.closest("ul");
  const [inner, outer] = [link.getBoundingClientRect(), row.getBoundingClientRect()];
  if (inner.right > outer.right) row.scrollLeft += inner.left - outer.left - 48;
}

// A form is sent once.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  if (event.target.dataset.sent) {
    event.preventDefault();
    return;
  }
  event.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// <div id="…" data-refresh="20"> is fetched anew from the same page every so many seconds while it can be seen.
for (const part of document.querySelectorAll("[data-refresh][id]")) {
  const seconds = Math.max(5, Number(part.dataset.refresh) || 30);
  setInterval(async () => {
    const present = document.getElementById(part.id);
    if (document.hidden || !present || present.contains(document.activeElement)) return;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById(part.id);
      if (fresh) present.replaceWith(document.adoptNode(fresh));
    } catch {
      // the hub is away for a moment: what is shown stays
    }
  }, seconds * 1000);
}
