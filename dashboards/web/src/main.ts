// Entry of the operations page.
import { mount } from 'svelte';
import App from './App.svelte';
import { warmUp } from './map/ground';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/past.css';
import './styles/base.css';

const target = document.getElementById('app');
if (!target) throw new Error('index.html has no #app');
warmUp();
mount(App, { target });
