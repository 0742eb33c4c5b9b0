from app.sandbox.sage200.routes import mount

__all__ = ("mount",)
