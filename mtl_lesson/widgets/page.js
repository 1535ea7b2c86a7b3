// The widget in a page of its own: its traits stand in the page, and this stands in for the kernel.

function bytes(text) {
  return new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}
const traits = JSON.parse(document.getElementById("traits").textContent, (_, value) =>
  value?.bytes === undefined ? value : bytes(value.bytes),
);
const listeners = {};
const model = {
  page: true,
  get: (name) => traits[name],
  set(name, value) {
    traits[name] = value;
    for (const act of listeners[`change:${name}`] ?? []) act();
  },
  on(name, act) {
    listeners[name] = [...(listeners[name] ?? []), act];
  },
  off(name, act) {
    listeners[name] = (listeners[name] ?? []).filter((other) => other !== act);
  },
  save_changes() {},
  send() {},
};
render({ model, el: document.querySelector("main") });
