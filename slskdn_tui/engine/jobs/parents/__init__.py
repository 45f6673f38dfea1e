"""Parent jobs: a discography or a crate as a job a release, as fast as the search gate lets them."""
