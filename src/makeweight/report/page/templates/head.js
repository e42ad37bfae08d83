// Before the first paint: what the script takes over is not laid out for nothing. A browser too old for the charts keeps
// the still figures of all networks, as without a script.
if ("DecompressionStream" in window) document.documentElement.classList.add("js");
