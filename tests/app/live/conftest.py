import pytest

from maskwatch.app.site.load import load_site
from maskwatch.app.site.tables import Site
from tests.conftest import SiteMaker


@pytest.fixture
def site(make_site: SiteMaker) -> Site:
    return load_site(make_site())
