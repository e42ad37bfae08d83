// Pages that are read and not played with.
import { startScrollers } from "./scrollers.js";

startScrollers();
document.documentElement.classList.add("ready");
