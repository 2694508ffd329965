// Entry of the administrator's page.
import { mount } from 'svelte';
import Admin from './admin/Admin.svelte';
import './styles/fonts.css';
import './styles/tokens.css';
import './styles/base.css';
import './admin/admin.css';

const target = document.getElementById('app');
if (!target) throw new Error('admin.html has no #app');
mount(Admin, { target });
