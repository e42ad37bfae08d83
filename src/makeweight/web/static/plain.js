// Pages that are only read.
import { ready } from "./dom.js";

ready();
