// A page about floors of one time zone has that zone: its axes, its days, its "today". A zone that somebody chose by
// hand stays; one that this script set for another floor does not. Floors of several zones leave the viewer's own.
{
  const zones = new Set(context.panel.data.series.map((one) => one.meta?.custom?.timezone).filter(Boolean));
  const zone = zones.size > 1 ? 'browser' : [...zones][0];
  const chosen = new URLSearchParams(window.location.search).get('timezone');
  const isOurs = !chosen || chosen === 'browser' || chosen === sessionStorage.getItem('butlrZone');
  if (zone && zone !== (chosen ?? 'browser') && isOurs) {
    sessionStorage.setItem('butlrZone', zone);
    context.grafana.locationService.partial({ timezone: zone }, true);
  }
}
