"""Logging in and out."""

from django.contrib.auth.views import LoginView, LogoutView


class Login(LoginView):
    template_name = "login.html"
    redirect_authenticated_user = True


class Logout(LogoutView):
    http_method_names = ["post", "options"]
