// What pages for a screen share: how they ask, their clock and their colours. `space` is the page's own: the floors that it asks for.
const { chart, data } = context.panel;
const { theme, replaceVariables } = context.grafana;

// From the page's base, which is Grafana's root, also where that is a sub-path of a host.
const backend = () => replaceVariables('api/datasources/proxy/uid/${ds}/');
const LONGEST_WAIT_MS = 20000;
const LONGEST_SILENCE_MS = 180000;
const LOOK_MS = 250;
const FIRST_EXPLAIN_MS = 2000;
const EXPLAIN_MS = 5000;
const ink = theme.isDark ? '#e8e8f0' : '#1f2328';
const faint = theme.isDark ? '#9a9aa8' : '#5c6370';
const warning = '#ff9830';

async function fetched(target, words) {
  return requested('api/v1/' + target + '?' + new URLSearchParams({ space, ...words }));
}

async function requested(path) {
  const limit = { signal: AbortSignal.timeout(LONGEST_WAIT_MS) };
  const answer = await fetch(backend() + path, limit).catch((problem) => {
    // The browser's own words are "signal timed out" and "Failed to fetch".
    const isLate = problem.name === 'TimeoutError';
    throw new Error(isLate ? 'No response within ' + LONGEST_WAIT_MS / 1000 + ' s' : 'Grafana cannot be reached');
  });
  if (!answer.ok) {
    throw new Error(await reasonOf(answer));
  }
  return answer;
}

// The backend's own errors have a message; others are of Grafana, which passes requests on to the backend.
async function reasonOf(answer) {
  const said = await answer.json().catch(() => null);
  if (said?.error?.message) {
    return said.error.message;
  }
  const isGateway = [502, 503, 504].includes(answer.status);
  return isGateway ? 'The backend cannot be reached (HTTP ' + answer.status + ')' : said?.message || 'HTTP ' + answer.status;
}

// A page may run its script before its variables have values, and again only a minute later. While the backend
// cannot be reached, variables that it lists have none: then `explain` gets the reason.
//
// A newer run of the script, which begins at each refresh of the page, takes the place of one that still waits.
async function valuesOf(isReady, explain) {
  const run = (window.butlrScreenRun = (window.butlrScreenRun ?? 0) + 1);
  let failed = false;
  for (let waited = LOOK_MS; !isReady() && !chart.isDisposed(); waited += LOOK_MS) {
    await new Promise((then) => setTimeout(then, LOOK_MS));
    if (window.butlrScreenRun !== run) {
      return new Promise(() => {});
    }
    if (waited !== FIRST_EXPLAIN_MS && waited % EXPLAIN_MS) {
      continue;
    }
    if (isReady() || backend().includes('$')) {
      continue;
    }
    try {
      await requested('readyz');
      if (failed) {
        // Grafana requests the values of variables only when it loads a page.
        window.location.reload();
      }
    } catch (problem) {
      failed = true;
      explain(problem.message);
    }
  }
}

// Never the screen's own time zone: a time is shown in the zone of its floor, or not at all.
const clockIn = (zone, moment) =>
  moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hour12: false, timeZone: zone });
const minutesSince = (moment) => (Date.now() - moment < 60000 ? 'less than 1' : Math.round((Date.now() - moment) / 60000)) + ' min';

// The zone that `butlr-grafana wall` has written into a page for a fixed choice of floors.
const givenZone = () => replaceVariables('${zone}').replace(/^\$.*/, '');
