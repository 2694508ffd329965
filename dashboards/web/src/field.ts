// Entry of the field page, for phones on poor networks: without the web fonts, and the map only when it is asked for.
import { mount } from 'svelte';
import Field from './field/Field.svelte';
import { remembered } from './shell/remembered';
import { look } from './shell/theme.svelte';
import './styles/tokens.css';
import './styles/base.css';
import './field/field.css';

const target = document.getElementById('app');
if (!target) throw new Error('field.html has no #app');
// In the sun a dark screen is a mirror: as the phone is set, unless somebody chose.
if (remembered('theme', ['', 'dark', 'light']) === '') look.theme = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
mount(Field, { target });

// On a poor network the list comes before the icon and before what keeps the page.
function afterTheList(): void {
  document.querySelector('link[rel="icon"]')?.setAttribute('href', '/favicon.svg');
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  navigator.serviceWorker.register('/field-worker.js', { scope: '/field' }).catch((error: unknown) => console.warn('service worker:', error));
}
const ready = (): boolean => document.querySelector('[data-list="ready"]') !== null;
const watch = new MutationObserver(() => {
  if (!ready()) return;
  watch.disconnect();
  afterTheList();
});
watch.observe(target, { childList: true, subtree: true, attributes: true, attributeFilter: ['data-list'] });
